"""One row of the table: a setting and what became of it; and the rungs of the ladder beside the rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mlparity.core.words import Precision, Provenance, Setting, Verdict
from mlparity.record.causes import Cause
from mlparity.record.figures import Envelope, OutputFigures, TaskFigure


class RowState(StrEnum):
    """What became of one setting."""

    COMPARED = "compared"
    NOT_APPLICABLE = "not applicable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SettingResult:
    """One row of the table: a setting, its figures and its verdict, or the reason why it has none.

    `unlike` tells of outputs that are missing or of another shape, which no figure of `outputs` includes. An emulated
    row has an `envelope`; `outputs` are then those of its dominating profile. `artifact` is the path of
    the file within the record's folder; `seconds_per_sample` is wall time of our runs on this machine and says
    nothing of a device. A witness stands beside the target that an app ships: it tells causes apart, and
    is not what is asked to pass. A row that agrees with the source to its rounding has no `causes`; two faults at once
    are two of them, the larger first.
    """

    setting: Setting
    state: RowState
    verdict: Verdict
    provenance: Provenance | None = None
    runtime: str = ""
    artifact: str = ""
    note: str = ""
    reasons: tuple[str, ...] = ()
    outputs: tuple[OutputFigures, ...] = ()
    seconds_per_sample: float | None = None
    envelope: Envelope | None = None
    task_figures: tuple[TaskFigure, ...] = ()
    unlike: tuple[str, ...] = ()
    is_witness: bool = False
    causes: tuple[Cause, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an emulated row that does not say by which profiles, and how well they are known."""
        is_emulated = self.provenance is Provenance.EMULATED
        runs = () if self.envelope is None else self.envelope.runs
        if is_emulated != bool(runs) or not all(run.profiles for run in runs):
            raise ValueError(f"{self.setting}: emulated figures and the profiles that they are of belong together")

    @property
    def depends_on_unshown(self) -> bool:
        """Whether its numbers depend on processors whose arithmetic was neither measured nor emulated."""
        is_shown = self.provenance in (Provenance.MEASURED, Provenance.EMULATED)
        return self.setting.depends_on_device and not is_shown


@dataclass(frozen=True, slots=True)
class Rung:
    """One run of the ladder that no app can choose: `meaning` says in which arithmetic an artifact was run."""

    name: str
    meaning: str
    precision: Precision
    artifact: str
    provenance: Provenance
    verdict: Verdict
    outputs: tuple[OutputFigures, ...]

"""One row of the table: a setting and what became of it; and the rungs of the ladder beside the rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mlparity.core.words import Precision, Provenance, Setting, Verdict
from mlparity.record.causes import Cause
from mlparity.record.figures import Envelope, OutputFigures, TaskFigure


class RowState(StrEnum):
    """What happened to a setting: it was compared, does not exist for this artifact, or failed to run."""

    COMPARED = "compared"
    NOT_APPLICABLE = "not applicable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SettingResult:
    """The result of one setting: its figures and its verdict, or the reason why it has none.

    `outputs` has the figures of each output. An emulated result also has an `envelope`; `outputs` then shows the
    variant with the largest differences. `unlike` describes outputs that are missing or have another shape, which no
    figure includes. `causes` says why the row differs: it is empty if the row agrees with the source up to rounding,
    and lists the larger cause first if there are two. `artifact` is a path relative to the record's folder.
    `is_witness` marks a setting of another target, which was run only to tell causes apart; it does not have to pass.
    Units: `seconds_per_sample` is wall time on the machine that verified, not on a device.
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
        """Whether its numbers depend on processors whose arithmetic was neither measured nor emulated.

        In fp32 a GPU's is open: its variants are what hardware can do, and no figure of Core ML's own is published.
        """
        is_emulated = self.provenance is Provenance.EMULATED and self.setting.precision is not Precision.FP32
        is_shown = self.provenance is Provenance.MEASURED or is_emulated
        return self.setting.depends_on_device and not is_shown


@dataclass(frozen=True, slots=True)
class Rung:
    """An extra run that helps to tell causes apart; no app can choose it.

    `meaning` says in which arithmetic the artifact was run.
    """

    name: str
    meaning: str
    precision: Precision
    artifact: str
    provenance: Provenance
    verdict: Verdict
    outputs: tuple[OutputFigures, ...]

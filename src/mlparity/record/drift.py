"""The error along a graph, op by op, as a record keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.core.words import Confidence, Provenance


@dataclass(frozen=True, slots=True)
class DriftPoint:
    """One result along a graph, with its errors.

    `type` and `name` are those of the op, `output` is the result's name, and `step` is the op's index in the order of
    the run. `local` is the error that the op itself adds, `accumulated` the error of its result compared with an exact
    run: the root mean square of the difference, divided by that of the exact result. Both are infinite if a NaN or an
    infinity has no equal. `low` and `high` bound the finite exact values (NaN if there are none). `lost` counts
    elements that the op itself makes infinite or NaN. `origin` is the source's op, module and line, or "" if that is
    not known.
    """

    step: int
    type: str
    name: str
    output: str
    local: float
    accumulated: float
    low: float
    high: float
    lost: int = 0
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Drift:
    """How the error grows along the graph of one artifact, on one sample and in one arithmetic.

    It is measured against an exact run of the same artifact, so the rounding of stored weights does not count as error.
    `count` is the number of results that were followed. `points` has all of them, or, of a large graph, the one with
    the largest local error in each stretch. `profiles` names the numerics profiles of an emulated drift.
    """

    artifact: str
    sample: str
    arithmetic: str
    provenance: Provenance
    count: int
    points: tuple[DriftPoint, ...]
    profiles: tuple[str, ...] = ()
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        """Refuse an emulated drift that does not say by which profiles, and how well they are known."""
        if (self.provenance is Provenance.EMULATED) != bool(self.profiles and self.confidence):
            raise ValueError(f"{self.artifact}: an emulated drift and the profiles that it is of belong together")

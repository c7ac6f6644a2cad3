"""The error along a graph, op by op, as a record keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.core.words import Confidence, Provenance


@dataclass(frozen=True, slots=True)
class DriftPoint:
    """One result along a graph: its op's MIL type and name, its own name, and its errors.

    `step` is the op's index in the order of the run. `local` is what the op itself loses on the inputs that it got,
    `accumulated` how far its result is from that of an exact run: root mean squares of differences over that of the
    exact result, infinite where a NaN or an infinity has no equal. `low` and `high` bound the finite exact values (NaN
    where there are none); `lost` counts elements that the op itself makes infinite or NaN. `origin` is the source's op,
    module and line, "" where it is not known.
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
    """The error along the graph of one artifact on one sample, in one arithmetic.

    An exact run is one of the same artifact: what its weights lost when they were rounded counts as no error here.
    `count` results were followed; `points` are all of them, or of as many stretches of the graph that with the largest
    error of its own. `profiles` names the rows of the engine's table of numerics of an emulated drift.
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

"""Why an artifact differs, at which ops, and which limits of a processor it comes near to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mlparity.core.words import Confidence


class CauseKind(StrEnum):
    """Why an artifact differs from its source."""

    NONE = "none"
    PRECISION = "precision"
    COMPUTE_UNIT = "compute_unit"
    OVERFLOW = "overflow"
    CONVERTER = "converter"
    PREPROCESSING = "preprocessing"
    TRAINING_MODE = "training_mode"
    NONDETERMINISM = "nondeterminism"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LocatedOp:
    """One op of an artifact that carries a difference: its MIL type, its name, and the name of its first output.

    `origin` is the source's op, module and line in its place, "" where it is not known. `share` is its part of the
    difference to first order (negative: it makes it smaller), `removed` the part that goes away with it alone made
    right; None where that is not known.
    """

    type: str
    name: str
    output: str
    origin: str = ""
    share: float | None = None
    removed: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause in one word and in one sentence, with the figures that show it, and the ops that carry it."""

    kind: CauseKind
    sentence: str
    ops: tuple[LocatedOp, ...] = ()


@dataclass(frozen=True, slots=True)
class Hazard:
    """A limit of a processor that an op comes near to, on these samples or on others.

    `seen` is the range of the value that counts, over the samples; `limit` bounds it, and `margin` is how many times
    the value could grow before it gets there: below 1 it is beyond. `location` names the op within `artifact`.
    """

    kind: str
    artifact: str
    op: str
    location: str
    processors: tuple[str, ...]
    seen: tuple[float, float]
    limit: float
    margin: float
    sentence: str
    remedy: str
    evidence: str
    confidence: Confidence

"""Which setting to ship, by what grades and speeds, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlparity.core.words import Grade, Provenance, Setting

CONSISTENT_FIRST = ("fp32/CPU_ONLY", "neuralnetwork/CPU_ONLY")
"""The settings that consistency first asks for: no half precision, and the processor whose arithmetic is known best."""


@dataclass(frozen=True, slots=True)
class Latency:
    """The time of one prediction after warm-up.

    Units: milliseconds. `median_ms` is the median of `runs` predictions; `low_ms` and `high_ms` are the quartiles.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    runs: int


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a setting is, compared with the other settings of its target.

    The fastest setting has `rank` 1; equally fast ones share a rank. A measured rank has a `latency`. An estimated rank
    has none: `basis` says what it was estimated from, and only the order of the settings means anything.
    """

    rank: int
    provenance: Provenance
    basis: str
    latency: Latency | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One setting that was compared, with its grade, and its speed where that is known."""

    setting: Setting
    grade: Grade
    speed: Speed | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Which of the compared settings is the fastest acceptable one.

    `fastest` is None if no setting is acceptable. `evidence` lists the sources of estimated speeds. `consistency_first`
    tells whether only a setting of `CONSISTENT_FIRST` could be recommended.
    """

    candidates: tuple[Candidate, ...]
    fastest: Setting | None
    consistency_first: bool
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The setting to ship, or None if none is fit."""

    setting: Setting | None

"""Which setting to ship, by what grades and speeds, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlparity.core.words import Grade, Provenance, Setting

CONSISTENT_FIRST = "fp32/CPU_ONLY"
"""The setting that consistency first asks for: no half precision, and the processor whose arithmetic is known best."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Times of one prediction after warm-up, in milliseconds: the median, and the quartiles as its spread."""

    median_ms: float
    low_ms: float
    high_ms: float
    runs: int


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a setting is among those of its target; the fastest has `rank` 1, and equal ones share a rank.

    A measured rank has the `latency` that it comes from. An estimated one has none: its `basis` says what it was
    estimated from, and it orders settings, no more.
    """

    rank: int
    provenance: Provenance
    basis: str
    latency: Latency | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One compared setting: its grade, and its speed where that is known."""

    setting: Setting
    grade: Grade
    speed: Speed | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The grades of the compared settings, and the fastest acceptable one whose numbers are shown.

    `evidence` has the sources of estimated speeds.
    """

    candidates: tuple[Candidate, ...]
    fastest: Setting | None
    consistency_first: bool
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The setting to ship, None where none is fit."""

    setting: Setting | None

"""Which setting to ship and why: grades, speeds and one paragraph, as frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlparity.core.words import Grade, Provenance, Setting


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
    """The grades of the compared settings, the fastest acceptable one whose numbers are shown, and why.

    `paragraph` says all of it in plain text, for a pull request. `evidence` has the sources of estimated speeds.
    """

    candidates: tuple[Candidate, ...]
    fastest: Setting | None
    consistency_first: bool
    paragraph: str
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The setting to ship, or None, and the sentence that says why."""

    setting: Setting | None
    sentence: str

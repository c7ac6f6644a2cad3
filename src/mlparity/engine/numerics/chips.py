"""The chips, and the processors that a chip has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from mlparity.core.words import Confidence


class Processor(StrEnum):
    """What runs an op: each has its own arithmetic."""

    CPU = "CPU"
    GPU = "GPU"
    NE = "NE"


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip, the M chip whose evidence stands for it, and how well it is known that it does."""

    name: str
    stands_for: str
    confidence: Confidence
    evidence: str


_APPENDIX = "sbryngelson/ane-guide@9eb1afe9 appendices/a-op-device-matrix.md: one column for both"

_ROWS = (
    *(Chip(f"M{n}", f"M{n}", Confidence.MEASURED, "tests/evidence") for n in (1, 2, 4, 5, 6)),
    Chip("M3", "M4", Confidence.ASSUMED, "no chip of this generation was measured"),
    Chip("A14", "M1", Confidence.ASSUMED, "the same generation by date of release"),
    Chip("A15", "M2", Confidence.ASSUMED, f"the same generation by date of release; {_APPENDIX} for A15 and M3"),
    Chip("A16", "M2", Confidence.ASSUMED, "between M2 and M3 by date of release"),
    Chip("A17 Pro", "M4", Confidence.ASSUMED, "through M3, the same generation by date of release"),
    Chip("A18", "M4", Confidence.ASSUMED, "the same generation by date of release"),
    Chip("A18 Pro", "M4", Confidence.ASSUMED, "the same generation by date of release"),
    Chip("A19", "M5", Confidence.ASSUMED, "the same generation by date of release"),
    Chip("A19 Pro", "M5", Confidence.ASSUMED, "the same generation by date of release"),
)

CHIPS: Mapping[str, Chip] = MappingProxyType({row.name: row for row in _ROWS})
"""Every chip that may be asked for, by name."""

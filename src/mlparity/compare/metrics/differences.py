"""Figures of the differences between two outputs, over the positions where both are finite."""

from __future__ import annotations

import math
from collections.abc import Callable

from mlparity.compare.tally import Tally

Value = Callable[[Tally], float | None]


def of_finite(value: Callable[[Tally], float]) -> Value:
    """Return the figure, which has no value where no position is finite on both sides."""
    return lambda tally: value(tally) if tally.finite else None


def relative_l2(tally: Tally) -> float | None:
    """Return the length of the difference over that of the source."""
    if tally.max_abs == 0:
        return 0.0
    if _has_no_ratio(tally) or tally.source_energy == 0:
        return None
    return math.sqrt(tally.squared_error) / math.sqrt(tally.source_energy)


def cosine(tally: Tally) -> float | None:
    """Return the cosine of the angle between both sides."""
    if tally.source_energy == 0 or tally.artifact_energy == 0:
        return None
    if tally.max_abs == 0:
        return 1.0
    lengths = math.sqrt(tally.source_energy) * math.sqrt(tally.artifact_energy)
    if _has_no_ratio(tally) or not (math.isfinite(lengths) and math.isfinite(tally.product)):
        return None
    return min(1.0, max(-1.0, tally.product / lengths))


def snr_db(tally: Tally) -> float | None:
    """Return the energy of the source over that of the difference, in decibels."""
    if tally.max_abs == 0:
        return math.inf
    if _has_no_ratio(tally):
        return None
    if tally.source_energy == 0:
        return -math.inf
    return 10 * (math.log10(tally.source_energy) - math.log10(tally.squared_error))


def psnr_db(tally: Tally) -> float | None:
    """Return the range of the source over the root mean square of the difference, in decibels."""
    if tally.max_abs == 0:
        return math.inf
    peak = tally.source_max - tally.source_min
    if _has_no_ratio(tally) or peak == 0:
        return None
    return 20 * math.log10(peak) - 10 * (math.log10(tally.squared_error) - math.log10(tally.finite))


def _has_no_ratio(tally: Tally) -> bool:
    """Tell whether nothing is finite on both sides, or the squared differences left float64's range."""
    return not tally.finite or tally.squared_error == 0 or not math.isfinite(tally.squared_error)

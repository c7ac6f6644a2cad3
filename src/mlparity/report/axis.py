"""An axis of decades: where a value stands on it, in percent, and its ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_TICKS = 6


@dataclass(frozen=True, slots=True)
class Decades:
    """Whole decades from `low` to `high`, in log10."""

    low: int
    high: int

    @classmethod
    def over(cls, values: Iterable[float | None]) -> Decades:
        """Return the decades that hold the values; those that are None, zero or not finite count for nothing."""
        logs = [math.log10(value) for value in values if value is not None and 0 < value < math.inf]
        low = math.floor(min(logs, default=-1.0))
        return cls(low, max(math.ceil(max(logs, default=0.0)), low + 1))

    def position(self, value: float) -> float:
        """Return the position of a value in percent: 0 for zero, 100 for what is not finite."""
        if value <= 0:
            return 0.0
        if not math.isfinite(value):
            return 100.0
        return round(min(100.0, max(0.0, 100 * (math.log10(value) - self.low) / (self.high - self.low))), 2)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Return (position, text) of a few powers of ten, the lowest among them."""
        step = math.ceil((self.high - self.low) / _TICKS)
        return tuple((self.position(10.0**power), f"1e{power}") for power in range(self.low, self.high + 1, step))

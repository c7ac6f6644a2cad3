"""The largest difference by sample, in stretches that grow with the number of samples."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from mlparity.record.plots import BySample

STRETCHES = 128
"""How many stretches there are at most (assumed: a drawing shows no more bars)."""


@dataclass(frozen=True, slots=True)
class SampleTally:
    """The largest differences so far: one for each `width` samples, None where there was none."""

    width: int = 1
    largest: tuple[float | None, ...] = ()
    samples: int = 0
    unread: int = 0
    unequal: int = 0

    def result(self) -> BySample:
        """Return the stretches as a record keeps them, to four digits."""
        rounded = tuple(None if value is None else float(f"{value:.4g}") for value in self.largest)
        return BySample(self.width, rounded, self.samples, self.unread, self.unequal)


def with_sample(tally: SampleTally, difference: float | None) -> SampleTally:
    """Return the tally with the next sample's largest difference: None without any, infinite if a NaN has no equal."""
    largest, width = tally.largest, tally.width
    if tally.samples == width * STRETCHES:
        largest, width = tuple(_larger(*largest[at : at + 2]) for at in range(0, STRETCHES, 2)), 2 * width
    *before, last = largest if tally.samples % width else (*largest, None)
    return replace(
        tally,
        width=width,
        largest=(*before, _larger(last, difference)),
        samples=tally.samples + 1,
        unread=tally.unread + (difference is None),
        unequal=tally.unequal + (difference == math.inf),
    )


def _larger(first: float | None, second: float | None) -> float | None:
    return max((value for value in (first, second) if value is not None), default=None)

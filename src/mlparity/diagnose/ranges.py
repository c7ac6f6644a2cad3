"""What values a program's results took over the samples; memory does not grow with their number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mlparity.engine.mil.program import Op


@dataclass(frozen=True, slots=True)
class Range:
    """The extremes of the finite values, their mean square, and how many values were -infinity; empty is the default.

    Values that are NaN or +infinity count for nothing: an engine that rounds nothing below fp32 saw them.
    """

    low: float = math.inf
    high: float = -math.inf
    squares: float = 0.0
    count: int = 0
    minus_infinities: int = 0

    @property
    def largest(self) -> float:
        """The largest magnitude; 0 where there is no finite value."""
        return max(abs(self.low), abs(self.high)) if self.count else 0.0

    @property
    def rms(self) -> float:
        """The root of the mean square; 0 where there is no finite value."""
        return math.sqrt(self.squares / self.count) if self.count else 0.0

    def merged(self, other: Range) -> Range:
        """Return the range of both."""
        return Range(
            min(self.low, other.low),
            max(self.high, other.high),
            self.squares + other.squares,
            self.count + other.count,
            self.minus_infinities + other.minus_infinities,
        )


def range_of(values: Tensor) -> Range:
    """Return the range of a floating tensor."""
    finite = values.detach()
    if finite.numel() == 0:
        return Range()
    low, high = (float(bound) for bound in torch.aminmax(finite))
    if math.isfinite(low) and math.isfinite(high):
        return Range(low, high, _squares(finite, max(-low, high)), finite.numel())
    minus = int(torch.isneginf(finite).sum())
    return replace(range_of(finite[torch.isfinite(finite)]), minus_infinities=minus)


_SUMMED = 1024
"""How many squares are summed in fp32, which is off by 1e-7 at most; such sums are summed in float64."""

_SAFE = (1e-15, 1e15)
"""The largest magnitudes for which sums of squares in fp32 neither overflow nor vanish."""


def _squares(values: Tensor, largest: float) -> float:
    """Return the sum of squares of finite values; of a large tensor in a quarter of the time that float64 takes."""
    if values.dtype is not torch.float32 or values.numel() < 2**16 or not _SAFE[0] < largest < _SAFE[1]:
        return float(torch.linalg.vector_norm(values, dtype=torch.float64)) ** 2
    flat = values.flatten()
    whole = flat.numel() // _SUMMED * _SUMMED
    norms = torch.linalg.vector_norm(flat[:whole].view(-1, _SUMMED), dim=1)
    rest = torch.linalg.vector_norm(flat[whole:], dtype=torch.float64)
    return float(norms.double().square().sum()) + float(rest) ** 2


@dataclass(slots=True)
class Ranges:
    """A tap that keeps the range of each floating result, by name."""

    found: dict[str, Range] = field(default_factory=dict)

    def __call__(self, _op: Op, name: str, value: object) -> None:
        """See one result."""
        if isinstance(value, Tensor) and value.is_floating_point():
            self.found[name] = self.found.get(name, Range()).merged(range_of(value))


Seen = Mapping[str, Range]
"""The range of each name."""

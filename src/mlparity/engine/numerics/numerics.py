"""`Profile` says how a whole program loses bits; `Numerics` is its view for one op's result type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mlparity.core.words import Confidence as Confidence


@dataclass(frozen=True, slots=True)
class Numerics:
    """What one op needs to know: the type to compute in, the accumulator, and the grid of its result.

    Floating values are always held in `compute`; `grid` is the narrower type whose values a store keeps to,
    or None where a store loses nothing.
    """

    compute: torch.dtype
    accum: torch.dtype
    grid: torch.dtype | None = None

    def store(self, x: Tensor) -> Tensor:
        """Round `x` to the grid, to nearest even, overflow to infinity; a no-op for non-floating tensors.

        Types: a floating `x` comes back in `compute`. The gradient passes through unchanged.
        """
        if not x.is_floating_point():
            return x
        return x.to(self.compute) if self.grid is None else x.to(self.grid).to(self.compute)

    def store_in_place(self, x: Tensor) -> Tensor:
        """Round a floating `x` in its own memory, which nothing else may hold; no gradient passes through."""
        return x if self.grid is None else x.copy_(x.to(self.grid))


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to run a program: the held type, the accumulator, and the grid for each MIL type.

    `grids` maps a MIL type name ("fp16", "fp32") to the torch type its stores round to; a missing name loses
    nothing beyond `compute`. `source` says where the behaviour comes from.
    """

    name: str
    summary: str
    compute: torch.dtype
    accum: torch.dtype
    grids: Mapping[str, torch.dtype]
    confidence: Confidence
    source: str

    def numerics(self, mil_type: str) -> Numerics:
        """Return the view for an op whose result has the MIL type `mil_type`."""
        return Numerics(self.compute, self.accum, self.grids.get(mil_type))

"""`Profile` says how a whole program loses bits; `Numerics` is its view for one op's result type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import torch
from torch import Tensor

from mlparity.core.words import Confidence
from mlparity.engine.numerics.products import PLAIN, Products
from mlparity.engine.numerics.rounding import half_even, half_even_in_place

Function = Callable[[Tensor], Tensor]
Override = Callable[..., Tensor]
"""Called with an op's function and its arguments by name; returns the op's result."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a unit computes values of one type: rounding, sums of products, and functions that it looks up.

    `rounding` takes a result in the storage dtype to the grid. `unaries` maps the name of a function to how the unit
    evaluates it; a missing name is evaluated in the storage dtype. `absorbs_nan` says that NaN is read as infinity,
    `sums_int8` that convolutions of quantized values and weights sum integers. `overrides` maps the name of an op to
    what the unit makes of its inputs, where evidence says that it does.
    """

    rounding: Function = half_even
    products: Products = PLAIN
    unaries: Mapping[str, Function] = field(default_factory=lambda: MappingProxyType({}))
    absorbs_nan: bool = False
    sums_int8: bool = False
    overrides: Mapping[str, Override] = field(default_factory=lambda: MappingProxyType({}))


IDEAL = Arithmetic()


@dataclass(frozen=True, slots=True)
class Numerics:
    """What one op needs to know: the type to compute in, the accumulator, and the grid of its result.

    Floating values are always held in `compute`; `grid` is the narrower type whose values a store keeps to,
    or None where a store loses nothing. `arithmetic` says how a unit computes.
    """

    compute: torch.dtype
    accum: torch.dtype
    grid: torch.dtype | None = None
    arithmetic: Arithmetic = IDEAL

    @property
    def products(self) -> Products:
        """The sums of products: convolutions, matrix products and attention."""
        return self.arithmetic.products

    @property
    def rounds_to_fp16(self) -> bool:
        """Whether a store rounds to fp16's numbers, to nearest even, beyond 65504 to infinity."""
        return self.grid is torch.float16 and self.arithmetic.rounding is half_even

    def unary(self, name: str, x: Tensor, exact: Function) -> Tensor:
        """Return the function of that name of `x` as the unit evaluates it, or `exact(x)` where it has no own way."""
        return self.arithmetic.unaries.get(name, exact)(x)

    def store(self, x: Tensor) -> Tensor:
        """Round `x` to the grid, to nearest even and overflow to infinity unless the arithmetic says otherwise.

        A no-op for non-floating tensors. Types: a floating `x` comes back in `compute`. The gradient passes through
        unchanged where halves go to even; elsewhere there is none.
        """
        if not x.is_floating_point():
            return x
        if self.grid is None:
            return x.to(self.compute)
        if self.arithmetic.rounding is half_even:
            return x.to(self.grid).to(self.compute)
        return self.arithmetic.rounding(x).to(self.compute)

    def store_in_place(self, x: Tensor) -> Tensor:
        """Round a floating `x` in its own memory, which nothing else may hold; no gradient passes through."""
        if self.grid is None:
            return x
        if self.arithmetic.rounding is half_even:
            return half_even_in_place(x) if self.grid is torch.float16 else x.copy_(x.to(self.grid))
        return self.arithmetic.rounding(x)


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to run a program: the storage dtype, the accumulator, the grid and the arithmetic for each MIL type.

    `grids` maps a MIL type name ("fp16", "fp32") to the torch type its stores round to; a missing name loses
    nothing beyond `compute`. `arithmetics` likewise; a missing name is PyTorch's own. `source` says where the
    behaviour comes from.
    """

    name: str
    summary: str
    compute: torch.dtype
    accum: torch.dtype
    grids: Mapping[str, torch.dtype]
    confidence: Confidence
    source: str
    arithmetics: Mapping[str, Arithmetic] = field(default_factory=lambda: MappingProxyType({}))

    def numerics(self, mil_type: str) -> Numerics:
        """Return the view for an op whose result has the MIL type `mil_type`."""
        arithmetic = self.arithmetics.get(mil_type, IDEAL)
        return Numerics(self.compute, self.accum, self.grids.get(mil_type), arithmetic)

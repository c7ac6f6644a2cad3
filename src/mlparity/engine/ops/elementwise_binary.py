"""MIL's element-wise functions of two tensors, which broadcast as in numpy.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/elementwise_binary.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from mlparity.engine.ops.registry import Rounding, mil_op


def _integer_quotient(x: Tensor, y: Tensor, rounding: Literal["floor", "trunc"]) -> Tensor:
    """Return the quotient of integers; 0 where `y` is 0, as coremltools folds it (numpy's rule).

    The division is done in int64: the quotient of the least int32 by -1 does not fit int32, and may trap.
    """
    divisible = torch.where(y == 0, 1, y).long()
    return torch.where(y == 0, 0, torch.div(x.long(), divisible, rounding_mode=rounding)).to(x.dtype)


@mil_op("add", rounding=Rounding.ELEMENT)
def add(x: Tensor, y: Tensor) -> Tensor:
    """Return x + y."""
    return x + y


@mil_op("equal", rounding=Rounding.NONE)
def equal(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x equals y."""
    return x == y


@mil_op("floor_div", rounding=Rounding.ELEMENT)
def floor_div(x: Tensor, y: Tensor) -> Tensor:
    """Return x / y rounded towards minus infinity."""
    return torch.div(x, y, rounding_mode="floor") if x.is_floating_point() else _integer_quotient(x, y, "floor")


@mil_op("greater", rounding=Rounding.NONE)
def greater(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x is above y."""
    return x > y


@mil_op("greater_equal", rounding=Rounding.NONE)
def greater_equal(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x is not below y."""
    return x >= y


@mil_op("less", rounding=Rounding.NONE)
def less(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x is below y."""
    return x < y


@mil_op("less_equal", rounding=Rounding.NONE)
def less_equal(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x is not above y."""
    return x <= y


@mil_op("logical_and", rounding=Rounding.NONE)
def logical_and(x: Tensor, y: Tensor) -> Tensor:
    """Return whether both are true."""
    return x.logical_and(y)


@mil_op("logical_or", rounding=Rounding.NONE)
def logical_or(x: Tensor, y: Tensor) -> Tensor:
    """Return whether one is true."""
    return x.logical_or(y)


@mil_op("logical_xor", rounding=Rounding.NONE)
def logical_xor(x: Tensor, y: Tensor) -> Tensor:
    """Return whether exactly one is true."""
    return x.logical_xor(y)


@mil_op("maximum", rounding=Rounding.NONE)
def maximum(x: Tensor, y: Tensor) -> Tensor:
    """Return the greater one; NaN where either is NaN (assumed: as numpy and PyTorch)."""
    return torch.maximum(x, y)


@mil_op("minimum", rounding=Rounding.NONE)
def minimum(x: Tensor, y: Tensor) -> Tensor:
    """Return the lesser one; NaN where either is NaN (assumed: as numpy and PyTorch)."""
    return torch.minimum(x, y)


@mil_op("mod", rounding=Rounding.ELEMENT)
def mod(x: Tensor, y: Tensor) -> Tensor:
    """Return the remainder of `floor_div`, which has the sign of y; for integers, 0 where y is 0."""
    if x.is_floating_point():
        return torch.remainder(x, y)
    return torch.where(y == 0, 0, x - y * _integer_quotient(x, y, "floor"))


@mil_op("mul", rounding=Rounding.ELEMENT)
def mul(x: Tensor, y: Tensor) -> Tensor:
    """Return x * y."""
    return x * y


@mil_op("not_equal", rounding=Rounding.NONE)
def not_equal(x: Tensor, y: Tensor) -> Tensor:
    """Return whether x differs from y."""
    return x != y


@mil_op("pow", rounding=Rounding.ELEMENT)
def pow_(x: Tensor, y: Tensor) -> Tensor:
    """Return x to the power of y."""
    if y.ndim == 0 and not (y.is_meta or y.requires_grad):
        # A number as exponent takes PyTorch's exact routes for squares and roots, as the source did.
        return torch.pow(x, y.item())
    return torch.pow(x, y)


@mil_op("real_div", rounding=Rounding.ELEMENT)
def real_div(x: Tensor, y: Tensor) -> Tensor:
    """Return x / y; for integers, the quotient without its fraction (assumed: the result is declared an integer)."""
    return x / y if x.is_floating_point() else _integer_quotient(x, y, "trunc")


@mil_op("sub", rounding=Rounding.ELEMENT)
def sub(x: Tensor, y: Tensor) -> Tensor:
    """Return x - y."""
    return x - y

"""MIL's matrix products.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` and `iOS17`, `linear.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("einsum", rounding=Rounding.REDUCE)
def einsum(values: Sequence[Tensor], equation: str, *, num: Numerics) -> Tensor:
    """Return the product that `equation` writes in Einstein's notation; axes of size 1 broadcast.

    Shape: MIL allows "nchw,nwhu->nchu" and "chw,whr->chr", in any letters; others are computed too.
    """
    return num.products.einsum(equation, values)


@mil_op("linear", rounding=Rounding.REDUCE)
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, num: Numerics) -> Tensor:
    """Return x times the transpose of `weight`, plus `bias`.

    Shape: x (*d, in), weight (out, in), bias (out) gives (*d, out).
    """
    return num.products.linear(x, weight, bias)


@mil_op("linear", since=17, rounding=Rounding.REDUCE)
def linear_ios17(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, num: Numerics) -> Tensor:
    """Do as in iOS15, where `weight` and `bias` may be integers and x not, or the other way round."""
    left, right = _of_one_type(x, weight)
    return num.products.linear(left, right, None if bias is None else bias.to(right.dtype))


@mil_op("matmul", rounding=Rounding.REDUCE)
def matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False, *, num: Numerics) -> Tensor:
    """Return the product of the innermost matrices, after transposing them where asked.

    Shape: the other axes broadcast; a vector counts as a row on the left and as a column on the right, and transposing
    it does nothing.
    """
    left = x.mT if transpose_x and x.ndim > 1 else x
    right = y.mT if transpose_y and y.ndim > 1 else y
    return num.products.matmul(left, right)


@mil_op("matmul", since=17, rounding=Rounding.REDUCE)
def matmul_ios17(
    x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False, *, num: Numerics
) -> Tensor:
    """Do as in iOS15, where a constant may be integers and the other operand not, or the other way round."""
    left, right = _of_one_type(x, y)
    return matmul(left, right, transpose_x, transpose_y, num=num)


def _of_one_type(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in the type that holds both: beside fractions, integers become fractions."""
    common = torch.promote_types(x.dtype, y.dtype)
    return x.to(common), y.to(common)

"""MIL's reductions: sums, norms, extremes and their indices along some axes.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` and `iOS17`, `reduction.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html). Without `axes` all are
reduced; with an empty tuple none is (numpy's rule, assumed). Integers are averaged and normed in fp64, and the
result loses its fraction.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mlparity.engine.ops.registry import Rounding, mil_op

Axes = tuple[int, ...] | None


def _prepared(x: Tensor, axes: Axes, keep_dims: bool) -> tuple[Tensor, tuple[int, ...], bool]:
    """Return the arguments of a reduction in PyTorch's terms, where an empty tuple would mean all axes."""
    dims = tuple(range(x.ndim)) if axes is None else axes
    return (x, dims, keep_dims) if dims else (x.unsqueeze(0), (0,), False)


def _floating(x: Tensor) -> Tensor:
    return x if x.is_floating_point() else x.double()


def _typed(result: Tensor, x: Tensor) -> Tensor:
    """Return `result` in the type of `x`, without its fraction where that is an integer."""
    return result if x.is_floating_point() else result.to(x.dtype)


@mil_op("reduce_argmax", rounding=Rounding.NONE)
def reduce_argmax(x: Tensor, axis: int = -1, keep_dims: bool = False) -> Tensor:
    """Return the index of the greatest element along `axis`; NaN counts as the greatest, and the first of equals wins.

    Types: int32. Which of equals wins is not documented: assumed.
    """
    return x.argmax(axis, keepdim=keep_dims).to(torch.int32)


@mil_op("reduce_argmax", since=17, rounding=Rounding.NONE)
def reduce_argmax_17(x: Tensor, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32") -> Tensor:
    """Return the index of the greatest element along `axis` as int32 or uint16.

    Raises:
        ValueError: `output_dtype` is neither int32 nor uint16.
    """
    _check_output_type(output_dtype)
    return reduce_argmax(x, axis, keep_dims)


@mil_op("reduce_argmin", rounding=Rounding.NONE)
def reduce_argmin(x: Tensor, axis: int = -1, keep_dims: bool = False) -> Tensor:
    """Return the index of the least element along `axis`; NaN counts as the least, and the first of equals wins.

    Types: int32. Which of equals wins is not documented: assumed.
    """
    return x.argmin(axis, keepdim=keep_dims).to(torch.int32)


@mil_op("reduce_argmin", since=17, rounding=Rounding.NONE)
def reduce_argmin_17(x: Tensor, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32") -> Tensor:
    """Return the index of the least element along `axis` as int32 or uint16.

    Raises:
        ValueError: `output_dtype` is neither int32 nor uint16.
    """
    _check_output_type(output_dtype)
    return reduce_argmin(x, axis, keep_dims)


def _check_output_type(output_dtype: str) -> None:
    if output_dtype.lower() not in ("int32", "uint16"):
        raise ValueError(f"the output type {output_dtype!r} is neither int32 nor uint16")


@mil_op("reduce_l1_norm", rounding=Rounding.REDUCE)
def reduce_l1_norm(x: Tensor, axes: Axes = None, keep_dims: bool = False) -> Tensor:
    """Return the sum of absolute values."""
    return reduce_sum(x.abs(), axes, keep_dims)


@mil_op("reduce_l2_norm", rounding=Rounding.REDUCE)
def reduce_l2_norm(x: Tensor, axes: Axes = None, keep_dims: bool = False) -> Tensor:
    """Return the square root of the sum of squares."""
    wide, dims, keep_dims = _prepared(_floating(x), axes, keep_dims)
    return _typed(torch.linalg.vector_norm(wide, 2, dims, keep_dims), x)


@mil_op("reduce_log_sum", rounding=Rounding.REDUCE)
def reduce_log_sum(x: Tensor, axes: Axes = None, keep_dims: bool = False) -> Tensor:
    """Return the natural logarithm of the sum."""
    return _typed(reduce_sum(_floating(x), axes, keep_dims).log(), x)


@mil_op("reduce_log_sum_exp", rounding=Rounding.REDUCE)
def reduce_log_sum_exp(x: Tensor, axes: Axes = None, keep_dims: bool = False) -> Tensor:
    """Return the natural logarithm of the sum of exponentials, without overflow on the way."""
    wide, dims, keep_dims = _prepared(_floating(x), axes, keep_dims)
    return _typed(wide.logsumexp(dims, keep_dims), x)


@mil_op("reduce_max", rounding=Rounding.NONE)
def reduce_max(x: Tensor, axes: Axes = None, keep_dims: bool = False) -> Tensor:
    """Return the greatest element; NaN where one is NaN."""
    return torch.amax(*_prepared(x, axes, keep_dims))


@mil_op("reduce_mean", rounding=Rounding.REDUCE)
def reduce_mean(x: Tensor, axes: Axes = None, keep_dims: bool = False) -> Tensor:
    """Return the mean; NaN for no elements."""
    wide, dims, keep_dims = _prepared(_floating(x), axes, keep_dims)
    return _typed(wide.mean(dims, keep_dims), x)


@mil_op("reduce_min", rounding=Rounding.NONE)
def reduce_min(x: Tensor, axes: Axes = None, keep_dims: bool = False) -> Tensor:
    """Return the least element; NaN where one is NaN."""
    return torch.amin(*_prepared(x, axes, keep_dims))


@mil_op("reduce_prod", rounding=Rounding.REDUCE)
def reduce_prod(x: Tensor, axes: Axes = None, keep_dims: bool = False) -> Tensor:
    """Return the product; 1 for no elements."""
    x, dims, keep_dims = _prepared(x, axes, keep_dims)
    for dim in sorted((dim + x.ndim if dim < 0 else dim for dim in dims), reverse=True):
        x = x.prod(dim, keep_dims, dtype=x.dtype)
    return x


@mil_op("reduce_sum", rounding=Rounding.REDUCE)
def reduce_sum(x: Tensor, axes: Axes = None, keep_dims: bool = False) -> Tensor:
    """Return the sum; integers wrap around."""
    x, dims, keep_dims = _prepared(x, axes, keep_dims)
    return x.sum(dims, keep_dims, dtype=x.dtype)


@mil_op("reduce_sum_square", rounding=Rounding.REDUCE)
def reduce_sum_square(x: Tensor, axes: Axes = None, keep_dims: bool = False) -> Tensor:
    """Return the sum of squares."""
    return reduce_sum(x.square(), axes, keep_dims)

"""MIL's tensor operations: making, joining, splitting, ordering and masking tensors.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` to `iOS17`, `tensor_operation.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html). `pad` and
`non_maximum_suppression` have modules of their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("argsort", rounding=Rounding.NONE)
def argsort(x: Tensor, axis: int = -1, ascending: bool = False) -> Tensor:
    """Return the indices that sort `x` along `axis`.

    Types: the result is int32. Equal elements keep their order, and NaN counts as the greatest: assumed.
    """
    return x.argsort(dim=axis, descending=not ascending, stable=True).to(torch.int32)


@mil_op("band_part", rounding=Rounding.NONE)
def band_part(x: Tensor, lower: int = -1, upper: int = -1) -> Tensor:
    """Keep `lower` diagonals below and `upper` above the main one of the innermost matrices, and zero the rest.

    A negative count keeps that whole triangle.
    """
    kept = x if upper < 0 else x.tril(upper)
    return kept if lower < 0 else kept.triu(-lower)


@mil_op("concat", rounding=Rounding.NONE)
def concat(values: Sequence[Tensor], axis: int, interleave: bool = False) -> Tensor:
    """Join tensors along `axis`; with `interleave`, element by element in turn.

    Shape: scalars give a vector.
    """
    if values[0].ndim == 0:
        return torch.stack(list(values))
    if not interleave:
        return torch.cat(list(values), dim=axis)
    axis = axis + values[0].ndim if axis < 0 else axis
    return torch.stack(list(values), dim=axis + 1).flatten(axis, axis + 1)


@mil_op("cumsum", rounding=Rounding.REDUCE)
def cumsum(x: Tensor, axis: int = 0, exclusive: bool = False, reverse: bool = False, *, num: Numerics) -> Tensor:
    """Sum the elements up to each position along `axis`; `exclusive` leaves out the element itself.

    Rounding: the running sum stays in num.accum.
    """
    width = num.accum if x.is_floating_point() else x.dtype
    ordered = x.flip(axis) if reverse else x
    if exclusive and x.shape[axis] > 0:
        first = torch.zeros_like(ordered.narrow(axis, 0, 1))
        ordered = torch.cat([first, ordered.narrow(axis, 0, x.shape[axis] - 1)], dim=axis)
    total = ordered.cumsum(axis, dtype=width).to(x.dtype)
    return total.flip(axis) if reverse else total


@mil_op("fill", rounding=Rounding.NONE)
def fill(shape: tuple[int, ...], value: Tensor | None = None, *, num: Numerics) -> Tensor:
    """Return a tensor of `shape` with `value` everywhere.

    Types: the result has the type of `value`; without one it is floating and zero.
    """
    return torch.zeros(shape, dtype=num.compute) if value is None else value.reshape(()).expand(shape)


@mil_op("fill_like", since=16, rounding=Rounding.NONE)
def fill_like(ref_tensor: Tensor, value: Tensor | None = None, *, num: Numerics) -> Tensor:
    """Return a tensor of the shape of `ref_tensor` with `value` everywhere.

    Types: as for `fill`.
    """
    return fill(tuple(ref_tensor.shape), value, num=num)


@mil_op("flatten2d", rounding=Rounding.NONE)
def flatten2d(x: Tensor, axis: int = 1) -> Tensor:
    """Flatten the dimensions before `axis` into one, and the rest into another."""
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@mil_op("identity", rounding=Rounding.NONE)
def identity(x: Tensor) -> Tensor:
    """Return `x` itself."""
    return x


@mil_op("non_zero", rounding=Rounding.NONE)
def non_zero(x: Tensor) -> Tensor:
    """Return the indices of the elements that are not zero, one row each, in row-major order.

    Shape: (count, rank of x). Types: int32.
    """
    return x.nonzero().to(torch.int32)


@mil_op("one_hot", rounding=Rounding.NONE)
def one_hot(
    indices: Tensor,
    one_hot_vector_size: int,
    axis: int = -1,
    on_value: Tensor | None = None,
    off_value: Tensor | None = None,
) -> Tensor:
    """Return vectors with `on_value` at each index and `off_value` elsewhere, along a new `axis`.

    Types: that of the two values, int32 without them. An index outside the vector switches nothing on, as in
    tf.one_hot: assumed.
    """
    is_on = indices.unsqueeze(-1) == torch.arange(one_hot_vector_size, device=indices.device)
    given = on_value if on_value is not None else off_value
    dtype = torch.int32 if given is None else given.dtype
    on, off = (
        torch.full((), default, dtype=dtype, device=indices.device) if value is None else value.reshape(())
        for default, value in ((1, on_value), (0, off_value))
    )
    return torch.where(is_on, on, off).movedim(-1, axis)


@mil_op("range_1d", rounding=Rounding.ELEMENT)
def range_1d(start: Tensor, end: Tensor, step: Tensor) -> Tensor:
    """Count from `start` towards `end`, exclusive, by `step`.

    Shape: (ceil((end - start) / step),), and empty where the step leads away from the end.
    Raises: ValueError if the step is zero or a bound is not finite.
    """
    first, last, stride = (number.reshape(()).item() for number in (start, end, step))
    if stride == 0 or not all(map(math.isfinite, (first, last, stride))):
        raise ValueError(f"a range from {first} to {last} by {stride} has no length")
    count = max(0, math.ceil((last - first) / stride))
    return start.reshape(()) + step.reshape(()) * torch.arange(count, dtype=start.dtype, device=start.device)


@mil_op("shape", rounding=Rounding.NONE)
def shape(x: Tensor) -> Tensor:
    """Return the shape of `x` as an int32 vector."""
    return torch.tensor(x.shape, dtype=torch.int32, device=x.device)


@mil_op("split", rounding=Rounding.NONE)
def split(
    x: Tensor, axis: int, num_splits: int | None = None, split_sizes: tuple[int, ...] | None = None
) -> tuple[Tensor, ...]:
    """Cut `x` along `axis` into parts of `split_sizes`, or into `num_splits` equal ones.

    Raises: ValueError if neither is given, the counts disagree, or the parts cannot be equal.
    """
    if split_sizes is not None:
        if num_splits is not None and num_splits != len(split_sizes):
            raise ValueError(f"{num_splits} splits with {len(split_sizes)} sizes")
        return x.split_with_sizes(split_sizes, dim=axis)
    if num_splits is None:
        raise ValueError("split needs num_splits or split_sizes")
    if x.shape[axis] % num_splits != 0:
        raise ValueError(f"{x.shape[axis]} elements do not split into {num_splits} equal parts")
    return x.split_with_sizes([x.shape[axis] // num_splits] * num_splits, dim=axis)


@mil_op("stack", rounding=Rounding.NONE)
def stack(values: Sequence[Tensor], axis: int) -> Tensor:
    """Join tensors of one shape along a new `axis`."""
    return torch.stack(list(values), dim=axis)


@mil_op("tile", rounding=Rounding.NONE)
def tile(x: Tensor, reps: tuple[int, ...]) -> Tensor:
    """Repeat `x` along each dimension.

    Raises: ValueError if there is not one count for each dimension.
    """
    if len(reps) != x.ndim:
        raise ValueError(f"{len(reps)} repetition counts for a tensor of rank {x.ndim}")
    return x.repeat(reps)


@mil_op("topk", rounding=Rounding.NONE)
def topk(x: Tensor, k: int = 1, axis: int = -1, ascending: bool = False) -> tuple[Tensor, Tensor]:
    """Return the `k` greatest elements along `axis` (with `ascending`, the least) and their int32 indices.

    Equal elements come in the order of their indices, and NaN counts as the greatest: assumed.
    Raises: ValueError if there are fewer than `k` elements.
    """
    if not 0 <= k <= x.shape[axis]:
        raise ValueError(f"the top {k} of {x.shape[axis]} elements")
    values, indices = x.sort(dim=axis, descending=not ascending, stable=True)
    return values.narrow(axis, 0, k), indices.narrow(axis, 0, k).to(torch.int32)


@mil_op("topk", since=16, rounding=Rounding.NONE)
def topk_ios16(
    x: Tensor, k: int = 1, axis: int = -1, ascending: bool = False, sort: bool = True, return_indices: bool = True
) -> Tensor | tuple[Tensor, Tensor]:
    """Do as `topk`; the indices may be left out, and the order may be left open.

    An open order is given sorted all the same.
    """
    del sort
    values, indices = topk(x, k, axis, ascending)
    return (values, indices) if return_indices else values


@mil_op("topk", since=17, rounding=Rounding.NONE)
def topk_ios17(
    x: Tensor,
    k: int = 1,
    axis: int = -1,
    ascending: bool = False,
    sort: bool = True,
    return_indices: bool = True,
    output_indices_dtype: str = "int32",
) -> Tensor | tuple[Tensor, Tensor]:
    """Do as in iOS16; `k` may be -1 for all elements.

    Types: indices are held as int32 for both index types, "int32" and "uint16".
    Raises: ValueError for another index type.
    """
    if output_indices_dtype not in ("int32", "uint16"):
        raise ValueError(f"indices of the type {output_indices_dtype!r}; expected 'int32' or 'uint16'")
    return topk_ios16(x, x.shape[axis] if k == -1 else k, axis, ascending, sort, return_indices)

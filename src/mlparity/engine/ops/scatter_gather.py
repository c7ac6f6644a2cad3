"""MIL's gathers and scatters.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` to `iOS17`, `scatter_gather.py`.

What an index outside the axis does: up to iOS16 a negative one counts from the end, and any other is an error. From
iOS17 on both are errors with `validate_indices`, and undefined without it. Here, without it, a gather still counts
negatives from the end, since converted programs index shapes with -1 (assumed), and a scatter drops the update:
coremltools' own test at iOS17 (`ops/tests/iOS17/test_scatter_gather.py`, `TestScatter`) holds that a negative does not
count from the end there; dropping is assumed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("gather", rounding=Rounding.NONE)
def gather(x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
    """Take the slices of `x` along `axis` at `indices`.

    Shape: x.shape with the axis replaced by the shape of `indices`.
    Raises: IndexError if an index lies outside the axis.
    """
    axis = _axis(axis, x)
    picked = x.index_select(axis, _from_end(indices.reshape(-1), x.shape[axis]))
    return picked.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]])


@mil_op("gather", since=16, rounding=Rounding.NONE)
def gather_ios16(x: Tensor, indices: Tensor, axis: int = 0, batch_dims: int = 0) -> Tensor:
    """Do as in iOS15, for each of the first `batch_dims` dimensions apart.

    Shape: x.shape[:axis] + indices.shape[batch_dims:] + x.shape[axis + 1:].
    Raises: IndexError as in iOS15; ValueError if the axis or the indices do not cover the batch dimensions.
    """
    axis = _axis(axis, x)
    if batch_dims == 0:
        return gather(x, indices, axis)
    if not 0 < batch_dims <= axis or indices.shape[:batch_dims] != x.shape[:batch_dims]:
        raise ValueError(
            f"{batch_dims} batch dimensions of {list(x.shape)}, indices {list(indices.shape)}, axis {axis}"
        )
    flat = indices.reshape(math.prod(x.shape[:batch_dims]), math.prod(indices.shape[batch_dims:]))
    rows = _from_end(flat, x.shape[axis])
    batches = x.movedim(axis, batch_dims).flatten(0, batch_dims - 1)
    picked = batches[torch.arange(len(rows), device=x.device).unsqueeze(-1), rows]
    kept = [size for at, size in enumerate(x.shape) if at >= batch_dims and at != axis]
    result = picked.reshape([*x.shape[:batch_dims], rows.shape[1], *kept]).movedim(batch_dims, axis)
    return result.reshape([*x.shape[:axis], *indices.shape[batch_dims:], *x.shape[axis + 1 :]])


@mil_op("gather", since=17, rounding=Rounding.NONE)
def gather_ios17(
    x: Tensor, indices: Tensor, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False
) -> Tensor:
    """Do as in iOS16; `validate_indices` also refuses negative indices.

    Raises: as in iOS16.
    """
    if validate_indices:
        _validated(indices, x.shape[axis])
    return gather_ios16(x, indices, axis, batch_dims)


@mil_op("gather_along_axis", rounding=Rounding.NONE)
def gather_along_axis(x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
    """Take one element of `x` along `axis` for each index.

    Shape: that of `indices`, which has the rank of `x`.
    Raises: IndexError if an index lies outside the axis.
    """
    return x.gather(axis, _from_end(indices, x.shape[axis]))


@mil_op("gather_along_axis", since=17, rounding=Rounding.NONE)
def gather_along_axis_ios17(x: Tensor, indices: Tensor, axis: int = 0, validate_indices: bool = False) -> Tensor:
    """Do as in iOS15; `validate_indices` also refuses negative indices.

    Raises: as in iOS15.
    """
    if validate_indices:
        _validated(indices, x.shape[axis])
    return gather_along_axis(x, indices, axis)


@mil_op("gather_nd", rounding=Rounding.NONE)
def gather_nd(x: Tensor, indices: Tensor) -> Tensor:
    """Take the slices of `x` whose first coordinates are the rows of `indices`.

    Shape: indices.shape[:-1] + x.shape[indices.shape[-1]:].
    Raises: IndexError if a coordinate lies outside its axis.
    """
    return gather_nd_ios16(x, indices)


@mil_op("gather_nd", since=16, rounding=Rounding.NONE)
def gather_nd_ios16(x: Tensor, indices: Tensor, batch_dims: int = 0) -> Tensor:
    """Do as in iOS15, for each of the first `batch_dims` dimensions apart.

    Shape: indices.shape[:-1] + x.shape[batch_dims + indices.shape[-1]:].
    Raises: as in iOS15; ValueError if `x` and `indices` disagree in the batch dimensions.
    """
    depth = indices.shape[-1]
    batch = x.shape[:batch_dims]
    if indices.shape[:batch_dims] != batch or batch_dims + depth > x.ndim:
        raise ValueError(f"{batch_dims} batch dimensions of {list(x.shape)}, indices {list(indices.shape)}")
    inner = x.shape[batch_dims : batch_dims + depth]
    rows = _rows(
        [_from_end(column, size) for column, size in zip(indices.unbind(-1), inner, strict=True)], inner, indices
    )
    rows = rows.reshape(math.prod(batch), math.prod(rows.shape[batch_dims:]))
    rows = rows + torch.arange(len(rows), device=rows.device).unsqueeze(-1) * math.prod(inner)
    kept = x.shape[batch_dims + depth :]
    return (
        x.reshape(math.prod(batch + inner), *kept)
        .index_select(0, rows.reshape(-1))
        .reshape([*indices.shape[:-1], *kept])
    )


@mil_op("gather_nd", since=17, rounding=Rounding.NONE)
def gather_nd_ios17(x: Tensor, indices: Tensor, batch_dims: int = 0, validate_indices: bool = False) -> Tensor:
    """Do as in iOS16; `validate_indices` also refuses negative coordinates.

    Raises: as in iOS16.
    """
    if validate_indices:
        for column, size in zip(indices.unbind(-1), x.shape[batch_dims:], strict=False):
            _validated(column, size)
    return gather_nd_ios16(x, indices, batch_dims)


@mil_op("scatter", rounding=Rounding.REDUCE)
def scatter(data: Tensor, indices: Tensor, updates: Tensor, axis: int = 0, mode: str = "add") -> Tensor:
    """Combine slices of `updates` into a copy of `data` at `indices` along `axis`.

    `mode` is "update", "add", "sub", "mul", "div", "max" or "min"; of updates to the same position, "update" keeps the
    last (assumed), the others combine all.
    Shape: updates is data.shape with the axis replaced by the shape of `indices`; the result is data.shape.
    Raises: IndexError if an index lies outside the axis; ValueError for other shapes or another mode.
    """
    return _scattered(data, _from_end(indices, data.shape[axis]), updates, axis, mode)


@mil_op("scatter", since=17, rounding=Rounding.REDUCE)
def scatter_ios17(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    """Do as in iOS15, with iOS17's rule for indices outside the axis.

    Raises: as in iOS15, but IndexError only with `validate_indices`.
    """
    return _scattered(data, _bounded(indices, data.shape[axis], validate_indices), updates, axis, mode)


@mil_op("scatter_along_axis", rounding=Rounding.REDUCE)
def scatter_along_axis(data: Tensor, indices: Tensor, updates: Tensor, axis: int = 0, mode: str = "add") -> Tensor:
    """Combine each element of `updates` into a copy of `data` at its own index along `axis`.

    Modes and errors are those of `scatter`. Shape: updates has the shape of `indices`; the result is data.shape.
    """
    return _combined(data, _from_end(indices, data.shape[axis]), updates, axis, mode, has_outside=False)


@mil_op("scatter_along_axis", since=17, rounding=Rounding.REDUCE)
def scatter_along_axis_ios17(
    data: Tensor,
    indices: Tensor,
    updates: Tensor,
    axis: int = 0,
    mode: str = "add",
    validate_indices: bool = False,
) -> Tensor:
    """Do as in iOS15, with iOS17's rule for indices outside the axis."""
    bounded = _bounded(indices, data.shape[axis], validate_indices)
    return _combined(data, bounded, updates, axis, mode, has_outside=_has_outside(bounded, data.shape[axis]))


@mil_op("scatter_nd", rounding=Rounding.REDUCE)
def scatter_nd(data: Tensor, indices: Tensor, updates: Tensor, mode: str = "add") -> Tensor:
    """Combine slices of `updates` into a copy of `data` whose first coordinates are the rows of `indices`.

    Modes and errors are those of `scatter`.
    Shape: updates is indices.shape[:-1] + data.shape[indices.shape[-1]:]; the result is data.shape.
    """
    inner = data.shape[: indices.shape[-1]]
    coordinates = [_from_end(column, size) for column, size in zip(indices.unbind(-1), inner, strict=True)]
    return _scattered_nd(data, _rows(coordinates, inner, indices), updates, mode)


@mil_op("scatter_nd", since=17, rounding=Rounding.REDUCE)
def scatter_nd_ios17(
    data: Tensor, indices: Tensor, updates: Tensor, mode: str = "add", validate_indices: bool = False
) -> Tensor:
    """Do as in iOS15, with iOS17's rule for coordinates outside their axis."""
    inner = data.shape[: indices.shape[-1]]
    bounds = torch.tensor(inner, dtype=indices.dtype, device=indices.device)
    is_inside = ((indices >= 0) & (indices < bounds)).all(-1)
    if validate_indices and not bool(is_inside.all()):
        raise IndexError(f"a coordinate outside {list(inner)}")
    rows = _rows([column.to(torch.int64) for column in indices.unbind(-1)], inner, indices)
    return _scattered_nd(data, torch.where(is_inside, rows, math.prod(inner)), updates, mode)


def _axis(axis: int, x: Tensor) -> int:
    if not -x.ndim <= axis < x.ndim:
        raise IndexError(f"the axis {axis} for a tensor of rank {x.ndim}")
    return axis % x.ndim


def _range(indices: Tensor) -> tuple[int, int]:
    if indices.numel() == 0:
        return 0, -1
    low, high = indices.aminmax()
    return int(low), int(high)


def _from_end(indices: Tensor, size: int) -> Tensor:
    """Return int64 indices with negatives counted from the end."""
    low, high = _range(indices)
    if low < -size or high >= size:
        raise IndexError(f"indices from {low} to {high} on an axis of {size} elements")
    wide = indices.to(torch.int64)
    return torch.where(wide < 0, wide + size, wide) if low < 0 else wide


def _validated(indices: Tensor, size: int) -> Tensor:
    low, high = _range(indices)
    if low < 0 or high >= size:
        raise IndexError(f"indices from {low} to {high} on an axis of {size} elements")
    return indices.to(torch.int64)


def _bounded(indices: Tensor, size: int, validate: bool) -> Tensor:
    """Return int64 indices; those outside become `size`, which `_combined` drops."""
    if validate:
        return _validated(indices, size)
    wide = indices.to(torch.int64)
    return torch.where((wide >= 0) & (wide < size), wide, size)


def _has_outside(indices: Tensor, size: int) -> bool:
    """Return whether `_bounded` marked any index as outside."""
    return _range(indices)[1] >= size


def _rows(coordinates: Sequence[Tensor], sizes: Sequence[int], indices: Tensor) -> Tensor:
    """Return the row-major number of each coordinate row; without coordinates there is the one row 0."""
    rows = torch.zeros(indices.shape[:-1], dtype=torch.int64, device=indices.device)
    for coordinate, size in zip(coordinates, sizes, strict=True):
        rows = rows * size + coordinate
    return rows


def _scattered(data: Tensor, indices: Tensor, updates: Tensor, axis: int, mode: str) -> Tensor:
    axis = _axis(axis, data)
    expected = [*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]]
    if list(updates.shape) != expected:
        raise ValueError(f"updates of the shape {list(updates.shape)}; expected {expected}")
    flat = updates.reshape([*data.shape[:axis], indices.numel(), *data.shape[axis + 1 :]])
    view = [-1 if at == axis else 1 for at in range(data.ndim)]
    has_outside = _has_outside(indices, data.shape[axis])
    return _combined(data, indices.reshape(view).expand(flat.shape), flat, axis, mode, has_outside)


def _scattered_nd(data: Tensor, rows: Tensor, updates: Tensor, mode: str) -> Tensor:
    depth = data.ndim - (updates.ndim - rows.ndim)
    kept = data.shape[depth:]
    if updates.shape != rows.shape + kept:
        raise ValueError(f"updates of the shape {list(updates.shape)}; expected {[*rows.shape, *kept]}")
    flat = data.reshape(math.prod(data.shape[:depth]), *kept)
    return _scattered(flat, rows.reshape(-1), updates.reshape(rows.numel(), *kept), 0, mode).reshape(data.shape)


def _combined(data: Tensor, indices: Tensor, updates: Tensor, axis: int, mode: str, has_outside: bool) -> Tensor:
    """Combine by `mode`; where indices lie one past the end, they write to a spare slice that is cut off again."""
    combine = _MODES.get(mode)
    if combine is None:
        raise ValueError(f"the scatter mode {mode!r}; expected one of {', '.join(_MODES)}")
    if updates.shape != indices.shape:
        raise ValueError(f"updates of the shape {list(updates.shape)} for indices of {list(indices.shape)}")
    if not has_outside:
        return combine(data, axis, indices, updates)
    axis, size = _axis(axis, data), data.shape[axis]
    spare = data.new_zeros([*data.shape[:axis], 1, *data.shape[axis + 1 :]])
    return combine(torch.cat([data, spare], dim=axis), axis, indices, updates).narrow(axis, 0, size)


def _divided(data: Tensor, axis: int, indices: Tensor, updates: Tensor) -> Tensor:
    """Divide by the product of the updates, which is exact where each position has one; integers truncate: assumed."""
    divisor = torch.ones_like(data).scatter_reduce(axis, indices, updates, "prod")
    return data / divisor if data.is_floating_point() else data.div(divisor, rounding_mode="trunc")


_MODES: Mapping[str, Callable[[Tensor, int, Tensor, Tensor], Tensor]] = {
    "update": lambda data, axis, indices, updates: data.scatter(axis, indices, updates),
    "add": lambda data, axis, indices, updates: data.scatter_add(axis, indices, updates),
    "sub": lambda data, axis, indices, updates: data.scatter_add(axis, indices, -updates),
    "mul": lambda data, axis, indices, updates: data.scatter_reduce(axis, indices, updates, "prod"),
    "div": _divided,
    "max": lambda data, axis, indices, updates: data.scatter_reduce(axis, indices, updates, "amax"),
    "min": lambda data, axis, indices, updates: data.scatter_reduce(axis, indices, updates, "amin"),
}

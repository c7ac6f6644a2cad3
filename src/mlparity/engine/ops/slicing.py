"""MIL's slices: reading one, and writing one into a copy.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` and `iOS18`, `tensor_transformation.py`; how a mask and a
negative bound combine follows `defs/_utils.py` (`solve_slice_by_index_slice`).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from mlparity.engine.ops.registry import Rounding, mil_op


@dataclass(frozen=True, slots=True)
class _Region:
    """A slice with positive steps, and what remains to be done to it: axes to reverse, axes to drop."""

    slices: tuple[slice, ...]
    reversed_axes: tuple[int, ...]
    dropped_axes: tuple[int, ...]


@mil_op("slice_by_index", rounding=Rounding.NONE)
def slice_by_index(
    x: Tensor,
    begin: tuple[int, ...],
    end: tuple[int, ...],
    stride: tuple[int, ...] | None = None,
    begin_mask: tuple[bool, ...] | None = None,
    end_mask: tuple[bool, ...] | None = None,
    squeeze_mask: tuple[bool, ...] | None = None,
) -> Tensor:
    """Slice as numpy does; a mask ignores a bound, and a squeezed dimension is indexed at `begin` and dropped.

    The result is a view where all strides are positive.
    Raises: ValueError if a dimension has no bound or a stride is 0; IndexError if a squeezed index lies outside.
    """
    region = _region(tuple(x.shape), begin, end, stride, begin_mask, end_mask, squeeze_mask)
    part = x[region.slices]
    part = part.flip(region.reversed_axes) if region.reversed_axes else part
    return part.squeeze(region.dropped_axes) if region.dropped_axes else part


@mil_op("slice_by_size", rounding=Rounding.NONE)
def slice_by_size(x: Tensor, begin: tuple[int, ...], size: tuple[int, ...]) -> Tensor:
    """Take `size` elements of each dimension from `begin` on; -1 takes all that remain.

    Raises: ValueError if a bound is missing for a dimension or the slice leaves the tensor.
    """
    if not len(begin) == len(size) == x.ndim:
        raise ValueError(f"{len(begin)} begins and {len(size)} sizes for a tensor of rank {x.ndim}")
    slices = []
    for first, count, extent in zip(begin, size, x.shape, strict=True):
        start = first + extent if first < 0 else first
        stop = extent if count == -1 else start + count
        if not 0 <= start <= stop <= extent:
            raise ValueError(f"a slice of {count} from {first} on in {extent} elements")
        slices.append(slice(start, stop))
    return x[tuple(slices)]


@mil_op("slice_update", since=18, rounding=Rounding.NONE)
def slice_update(
    x: Tensor,
    update: Tensor,
    begin: tuple[int, ...],
    end: tuple[int, ...],
    stride: tuple[int, ...] | None = None,
    begin_mask: tuple[bool, ...] | None = None,
    end_mask: tuple[bool, ...] | None = None,
    squeeze_mask: tuple[bool, ...] | None = None,
) -> Tensor:
    """Return `x` with the slice that `slice_by_index` would read replaced by `update`.

    Raises: as `slice_by_index`, and ValueError if `update` has not the shape of the slice.
    """
    region = _region(tuple(x.shape), begin, end, stride, begin_mask, end_mask, squeeze_mask)
    result = x.clone()
    target = result[region.slices]
    expected = [size for axis, size in enumerate(target.shape) if axis not in region.dropped_axes]
    if list(update.shape) != expected:
        raise ValueError(f"an update of the shape {list(update.shape)} for a slice of the shape {expected}")
    whole = update.reshape(target.shape)
    target.copy_(whole.flip(region.reversed_axes) if region.reversed_axes else whole)
    return result


def _region(
    sizes: tuple[int, ...],
    begin: tuple[int, ...],
    end: tuple[int, ...],
    stride: tuple[int, ...] | None,
    begin_mask: tuple[bool, ...] | None,
    end_mask: tuple[bool, ...] | None,
    squeeze_mask: tuple[bool, ...] | None,
) -> _Region:
    rank = len(sizes)
    strides = (1,) * rank if stride is None else stride
    no_begin, no_end, dropped = (
        (False,) * rank if mask is None else mask for mask in (begin_mask, end_mask, squeeze_mask)
    )
    rows = (begin, end, strides, no_begin, no_end, dropped)
    if any(len(row) != rank for row in rows) or 0 in strides:
        raise ValueError(f"the bounds {begin} to {end} by {strides} for a tensor of rank {rank}")
    slices = tuple(
        _index(0 if row[3] else row[0], size)
        if row[5]
        else slice(None if row[3] else row[0], None if row[4] else row[1], row[2])
        for size, row in zip(sizes, zip(*rows, strict=True), strict=True)
    )
    backwards = tuple(axis for axis, part in enumerate(slices) if part.step is not None and part.step < 0)
    forwards = tuple(_forwards(part, size) for part, size in zip(slices, sizes, strict=True))
    return _Region(forwards, backwards, tuple(axis for axis in range(rank) if dropped[axis]))


def _index(index: int, size: int) -> slice:
    start = index + size if index < 0 else index
    if not 0 <= start < size:
        raise IndexError(f"the index {index} in {size} elements")
    return slice(start, start + 1, 1)


def _forwards(part: slice, size: int) -> slice:
    """Return the slice with a positive step that covers the same elements; torch has no negative steps."""
    taken = range(size)[part]
    if len(taken) == 0:
        return slice(0, 0, 1)
    return slice(min(taken[0], taken[-1]), max(taken[0], taken[-1]) + 1, abs(taken.step))

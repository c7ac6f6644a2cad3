"""Exact results of the tensor transformations: each element is sent to its place, or fetched from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np


def batch_to_space(x: np.ndarray, block_shape: Sequence[int], crops: Sequence[Sequence[int]]) -> np.ndarray:
    rows, columns = block_shape
    batch = x.shape[0] // (rows * columns)
    result = np.zeros((batch, x.shape[1], x.shape[2] * rows, x.shape[3] * columns), x.dtype)
    for n, c, h, w in np.ndindex(*x.shape):
        block, image = divmod(n, batch)
        result[image, c, h * rows + block // columns, w * columns + block % columns] = x[n, c, h, w]
    (top, bottom), (left, right) = crops
    return result[:, :, top : result.shape[2] - bottom, left : result.shape[3] - right]


def space_to_batch(x: np.ndarray, block_shape: Sequence[int], paddings: Sequence[Sequence[int]]) -> np.ndarray:
    rows, columns = block_shape
    padded = np.pad(x, [(0, 0), (0, 0), *paddings])
    parts = [padded[:, :, i::rows, j::columns] for i in range(rows) for j in range(columns)]
    return np.concatenate(parts, axis=0)


def depth_to_space(x: np.ndarray, block_size: int) -> np.ndarray:
    channels = x.shape[1] // block_size**2
    result = np.zeros((x.shape[0], channels, x.shape[2] * block_size, x.shape[3] * block_size), x.dtype)
    for n, c, h, w in np.ndindex(*x.shape):
        block, channel = divmod(c, channels)
        i, j = divmod(block, block_size)
        result[n, channel, h * block_size + i, w * block_size + j] = x[n, c, h, w]
    return result


def space_to_depth(x: np.ndarray, block_size: int) -> np.ndarray:
    return np.concatenate(
        [x[:, :, i::block_size, j::block_size] for i in range(block_size) for j in range(block_size)], axis=1
    )


def pixel_shuffle(x: np.ndarray, upscale_factor: int) -> np.ndarray:
    f = upscale_factor
    result = np.zeros((x.shape[0], x.shape[1] // f**2, x.shape[2] * f, x.shape[3] * f), x.dtype)
    for n, c, h, w in np.ndindex(*x.shape):
        channel, block = divmod(c, f**2)
        result[n, channel, h * f + block // f, w * f + block % f] = x[n, c, h, w]
    return result


def pixel_unshuffle(x: np.ndarray, downscale_factor: int) -> np.ndarray:
    f = downscale_factor
    parts = [x[:, c, i::f, j::f] for c in range(x.shape[1]) for i in range(f) for j in range(f)]
    return np.stack(parts, axis=1)


def expand_dims(x: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    return np.expand_dims(x, tuple(axes))


def reshape(x: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Follow iOS17's rule for zeros, which is iOS15's where the ranks agree."""
    backwards = [1] * len(shape) + list(x.shape)
    sizes = [size if size != 0 else backwards[at + x.ndim] for at, size in enumerate(shape)]
    if -1 in sizes:
        sizes[sizes.index(-1)] = x.size // max(1, math.prod(size for size in sizes if size != -1))
    result = np.empty(sizes, x.dtype)
    result.flat[:] = x.ravel()
    return result


def reshape_like(
    x: np.ndarray,
    ref_tensors: Sequence[np.ndarray],
    begins: Sequence[int],
    ends: Sequence[int],
    end_masks: Sequence[bool],
) -> np.ndarray:
    sizes: list[int] = []
    for at, ref in enumerate(ref_tensors):
        sizes += ref.shape[begins[at] :] if end_masks[at] else ref.shape[begins[at] : ends[at]]
    return reshape(x, sizes)


def reverse(x: np.ndarray, axes: Sequence[int] | None = None) -> np.ndarray:
    for axis in range(x.ndim) if axes is None else axes:
        x = np.take(x, range(x.shape[axis] - 1, -1, -1), axis)
    return x


def reverse_sequence(x: np.ndarray, lengths: np.ndarray, seq_axis: int = 0, batch_axis: int = 0) -> np.ndarray:
    result = np.moveaxis(x.copy(), (batch_axis, seq_axis), (0, 1))
    for row, length in enumerate(lengths):
        result[row, :length] = result[row, :length][::-1].copy()
    return np.moveaxis(result, (0, 1), (batch_axis, seq_axis))


def sliding_windows(x: np.ndarray, axis: int, size: int, stride: int = 1) -> np.ndarray:
    place = axis % x.ndim
    starts = range(0, x.shape[place] - size + 1, stride)
    return np.stack([np.take(x, range(start, start + size), place) for start in starts], axis=place)


def squeeze(x: np.ndarray, axes: Sequence[int] | None = None) -> np.ndarray:
    named = range(x.ndim) if axes is None else [axis % x.ndim for axis in axes]
    return x.reshape([size for at, size in enumerate(x.shape) if size != 1 or at not in named])


def _places(
    sizes: Sequence[int],
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int] | None,
    begin_mask: Sequence[bool] | None,
    end_mask: Sequence[bool] | None,
    squeeze_mask: Sequence[bool] | None,
) -> tuple[list[list[int]], tuple[int, ...]]:
    """Return the elements that each dimension keeps, and the dimensions that are dropped."""
    off, kept = [False] * len(sizes), []
    begins_open, ends_open, dropped = (off if mask is None else mask for mask in (begin_mask, end_mask, squeeze_mask))
    for at, size in enumerate(sizes):
        step = 1 if stride is None else stride[at]
        if dropped[at]:
            kept.append([0 if begins_open[at] else begin[at] % size])
            continue
        first = (0 if step > 0 else size - 1) if begins_open[at] else _counted(begin[at], size)
        last = (size if step > 0 else -1) if ends_open[at] else _counted(end[at], size)
        kept.append([place for place in range(first, last, step) if 0 <= place < size])
    return kept, tuple(at for at in range(len(sizes)) if dropped[at])


def _counted(place: int, size: int) -> int:
    return place + size if place < 0 else place


def slice_by_index(
    x: np.ndarray,
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int] | None = None,
    begin_mask: Sequence[bool] | None = None,
    end_mask: Sequence[bool] | None = None,
    squeeze_mask: Sequence[bool] | None = None,
) -> np.ndarray:
    places, dropped = _places(x.shape, begin, end, stride, begin_mask, end_mask, squeeze_mask)
    return x[np.ix_(*places)].squeeze(dropped)


def slice_by_size(x: np.ndarray, begin: Sequence[int], size: Sequence[int]) -> np.ndarray:
    places = []
    for extent, first, count in zip(x.shape, begin, size, strict=True):
        start = _counted(first, extent)
        places.append(list(range(start, extent if count == -1 else start + count)))
    return x[np.ix_(*places)]


def slice_update(
    x: np.ndarray,
    update: np.ndarray,
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int] | None = None,
    begin_mask: Sequence[bool] | None = None,
    end_mask: Sequence[bool] | None = None,
    squeeze_mask: Sequence[bool] | None = None,
) -> np.ndarray:
    places, _ = _places(x.shape, begin, end, stride, begin_mask, end_mask, squeeze_mask)
    result = x.copy()
    result[np.ix_(*places)] = update.reshape([len(each) for each in places])
    return result


ORACLES: Mapping[str, Callable[..., object]] = {
    "batch_to_space": batch_to_space,
    "depth_to_space": depth_to_space,
    "expand_dims": expand_dims,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "reshape": reshape,
    "reshape_like": reshape_like,
    "reverse": reverse,
    "reverse_sequence": reverse_sequence,
    "slice_by_index": slice_by_index,
    "slice_by_size": slice_by_size,
    "slice_update": slice_update,
    "sliding_windows": sliding_windows,
    "space_to_batch": space_to_batch,
    "space_to_depth": space_to_depth,
    "squeeze": squeeze,
    "transpose": lambda x, perm: np.transpose(x, perm),
}

"""Exact results of the tensor operations, element by element."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tests.oracles.non_maximum_suppression import non_maximum_suppression
from tests.oracles.terms import Terms


def _order(lane: np.ndarray, ascending: bool) -> np.ndarray:
    def key(at: int) -> tuple[bool, float]:
        return (True, 0.0) if lane[at] != lane[at] else (False, float(lane[at]))

    return np.array(sorted(range(len(lane)), key=key, reverse=not ascending), np.int32)


def argsort(x: np.ndarray, axis: int = -1, ascending: bool = False) -> np.ndarray:
    return np.apply_along_axis(_order, axis, x, ascending)


def topk(
    x: np.ndarray,
    k: int = 1,
    axis: int = -1,
    ascending: bool = False,
    sort: bool = True,
    return_indices: bool = True,
    output_indices_dtype: str = "int32",
) -> object:
    order = argsort(x, axis, ascending)
    picked = np.take(order, range(x.shape[axis] if k == -1 else k), axis)
    values = np.take_along_axis(x, picked, axis)
    return (values, picked) if return_indices else values


def band_part(x: np.ndarray, lower: int = -1, upper: int = -1) -> np.ndarray:
    result = np.zeros_like(x)
    for m, n in np.ndindex(*x.shape[-2:]):
        if (lower < 0 or m - n <= lower) and (upper < 0 or n - m <= upper):
            result[..., m, n] = x[..., m, n]
    return result


def concat(values: Sequence[np.ndarray], axis: int, interleave: bool = False) -> np.ndarray:
    if values[0].ndim == 0:
        return np.array([each[()] for each in values], values[0].dtype)
    if not interleave:
        return np.concatenate(values, axis)
    place = axis % values[0].ndim
    shape = [size * (len(values) if at == place else 1) for at, size in enumerate(values[0].shape)]
    result = np.empty(shape, values[0].dtype)
    for at, each in enumerate(values):
        result[(slice(None),) * place + (slice(at, None, len(values)),)] = each
    return result


def cumsum(x: np.ndarray, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> object:
    lanes, sizes = np.moveaxis(np.zeros_like(x), axis, 0), np.moveaxis(np.zeros_like(x), axis, 0)
    source = np.moveaxis(x, axis, 0)
    for at in range(len(source)):
        part = slice(at + exclusive, None) if reverse else slice(None, at + (not exclusive))
        lanes[at], sizes[at] = source[part].sum(0), np.abs(source[part]).sum(0)
    value = np.moveaxis(lanes, 0, axis)
    return Terms(value, np.moveaxis(sizes, 0, axis)) if x.dtype.kind == "f" else value


def fill(shape: Sequence[int], value: np.ndarray | None = None) -> np.ndarray:
    return np.zeros(shape) if value is None else np.full(shape, value[()], value.dtype)


def fill_like(ref_tensor: np.ndarray, value: np.ndarray | None = None) -> np.ndarray:
    return fill(ref_tensor.shape, value)


def flatten2d(x: np.ndarray, axis: int = 1) -> np.ndarray:
    rows = math.prod(x.shape[:axis])
    return np.array(x.ravel().tolist(), x.dtype).reshape(rows, x.size // rows)


def non_zero(x: np.ndarray) -> np.ndarray:
    found = [place for place in np.ndindex(*x.shape) if x[place] != 0]
    return np.array(found, np.int32).reshape(len(found), x.ndim)


def one_hot(
    indices: np.ndarray,
    one_hot_vector_size: int,
    axis: int = -1,
    on_value: np.ndarray | None = None,
    off_value: np.ndarray | None = None,
) -> np.ndarray:
    given = [each for each in (on_value, off_value) if each is not None]
    dtype = given[0].dtype if given else np.int32
    result = np.full((*indices.shape, one_hot_vector_size), 0 if off_value is None else off_value, dtype)
    for place in np.ndindex(*indices.shape):
        if 0 <= indices[place] < one_hot_vector_size:
            result[(*place, indices[place])] = 1 if on_value is None else on_value
    return np.moveaxis(result, -1, axis)


def pad(x: np.ndarray, pad: Sequence[int], mode: str = "constant", constant_val: float = 0.0) -> np.ndarray:
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))
    if mode == "constant":
        return np.pad(x, pairs, constant_values=constant_val)
    return np.pad(x, pairs, mode="edge") if mode == "replicate" else np.pad(x, pairs, mode="reflect")


def range_1d(start: np.ndarray, end: np.ndarray, step: np.ndarray) -> object:
    values: list[np.ndarray] = []
    sizes: list[np.ndarray] = []
    while (start + len(values) * step < end) if step > 0 else (start + len(values) * step > end):
        sizes.append(abs(start) + abs(len(values) * step))
        values.append(start + len(values) * step)
    result = np.array(values, start.dtype)
    return Terms(result, np.array(sizes)) if start.dtype.kind == "f" else result


def split(
    x: np.ndarray, axis: int, num_splits: int | None = None, split_sizes: Sequence[int] | None = None
) -> tuple[np.ndarray, ...]:
    if split_sizes is None:
        return tuple(np.split(x, num_splits or 1, axis))
    return tuple(np.split(x, np.cumsum(split_sizes)[:-1], axis))


ORACLES: Mapping[str, Callable[..., object]] = {
    "argsort": argsort,
    "band_part": band_part,
    "concat": concat,
    "cumsum": cumsum,
    "fill": fill,
    "fill_like": fill_like,
    "flatten2d": flatten2d,
    "identity": lambda x: x,
    "non_maximum_suppression": non_maximum_suppression,
    "non_zero": non_zero,
    "one_hot": one_hot,
    "pad": pad,
    "range_1d": range_1d,
    "shape": lambda x: np.array(x.shape, np.int32),
    "split": split,
    "stack": lambda values, axis: np.stack(values, axis),
    "tile": lambda x, reps: np.tile(x, reps),
    "topk": topk,
}

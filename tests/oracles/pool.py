"""What MIL's pools give: one window at a time, over the elements that lie within the array."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from tests.oracles.conv import margins
from tests.oracles.terms import Place, Terms

Axes = tuple[int, ...] | None


def windows(size: int, kernel: int, stride: int, before: int, after: int, ceil_mode: bool) -> int:
    """Return the number of windows, by the formulas of MIL's `avg_pool`."""
    free = size + before + after - kernel
    count = (math.ceil if ceil_mode else math.floor)(free / stride) + 1
    return count - 1 if ceil_mode and before + after > 0 and (count - 1) * stride >= size + before else count


def pool(
    reduce: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    kernel_sizes: tuple[int, ...],
    pad_type: str,
    strides: Axes,
    pad: Axes,
    ceil_mode: bool,
) -> np.ndarray:
    """Return `reduce` of each window: of its elements within x."""
    steps = strides or (1,) * len(kernel_sizes)
    around = margins(pad_type, pad, x.shape[2:], list(kernel_sizes), steps)
    counts = [
        windows(size, kernel, step, before, after, ceil_mode)
        for size, kernel, step, (before, after) in zip(x.shape[2:], kernel_sizes, steps, around, strict=True)
    ]
    result = np.zeros((*x.shape[:2], *counts))
    for place in itertools.product(*map(range, counts)):
        starts = [at * step - pair[0] for at, step, pair in zip(place, steps, around, strict=True)]
        ends = [start + kernel for start, kernel in zip(starts, kernel_sizes, strict=True)]
        inside = tuple(slice(max(start, 0), max(end, 0)) for start, end in zip(starts, ends, strict=True))
        at: Place = (slice(None), slice(None), *place)
        result[at] = reduce(_flat(x[(slice(None), slice(None), *inside)]))
    return result


def _flat(window: np.ndarray) -> np.ndarray:
    return window.reshape(*window.shape[:2], math.prod(window.shape[2:]))


def avg_pool(
    x: np.ndarray,
    kernel_sizes: tuple[int, ...],
    pad_type: str,
    strides: Axes = None,
    pad: Axes = None,
    exclude_padding_from_average: bool = False,
    ceil_mode: bool = False,
) -> Terms:
    def mean(values: np.ndarray) -> np.ndarray:
        return values.sum(-1) / (values.shape[-1] if exclude_padding_from_average else math.prod(kernel_sizes))

    rest = (kernel_sizes, pad_type, strides, pad, ceil_mode)
    return Terms(pool(mean, x, *rest), pool(mean, np.abs(x), *rest))


def l2_pool(
    x: np.ndarray,
    kernel_sizes: tuple[int, ...],
    pad_type: str,
    strides: Axes = None,
    pad: Axes = None,
    ceil_mode: bool = False,
) -> np.ndarray:
    def norm(values: np.ndarray) -> np.ndarray:
        return np.linalg.norm(values, axis=-1)

    return pool(norm, x, kernel_sizes, pad_type, strides, pad, ceil_mode)


def max_pool(
    x: np.ndarray,
    kernel_sizes: tuple[int, ...],
    pad_type: str,
    strides: Axes = None,
    pad: Axes = None,
    ceil_mode: bool = False,
) -> np.ndarray:
    def greatest(values: np.ndarray) -> np.ndarray:
        return np.max(values, axis=-1, initial=-np.inf)

    return pool(greatest, x, kernel_sizes, pad_type, strides, pad, ceil_mode)


ORACLES = {"avg_pool": avg_pool, "l2_pool": l2_pool, "max_pool": max_pool}

"""What MIL's reductions give, computed row by row with exact sums."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tests.oracles.terms import Terms

Axes = tuple[int, ...] | None
Row = list[float]


def rows(x: np.ndarray, axes: Axes) -> tuple[np.ndarray, tuple[int, ...], tuple[int, ...]]:
    """Return x as (kept, reduced), the shape that is left, and that shape with ones kept."""
    reduced = set(range(x.ndim)) if axes is None or x.ndim == 0 else {axis % x.ndim for axis in axes}
    kept = [axis for axis in range(x.ndim) if axis not in reduced]
    shape = tuple(x.shape[axis] for axis in kept)
    count = math.prod(x.shape[axis] for axis in reduced)
    with_ones = tuple(1 if axis in reduced else size for axis, size in enumerate(x.shape))
    return x.transpose(*kept, *sorted(reduced)).reshape(math.prod(shape), count), shape, with_ones


def by_row(function: Callable[[Row], float], scale: Callable[[Row], float]) -> Callable[..., Terms]:
    """Return the oracle that applies `function` to every row; `scale` is the size of its terms."""

    def oracle(x: np.ndarray, axes: Axes = None, keep_dims: bool = False) -> Terms:
        flat, shape, with_ones = rows(x, axes)
        final = with_ones if keep_dims else shape
        dtype = np.int64 if x.dtype.kind == "i" else np.float64
        values = [function(row) for row in flat.tolist()]
        scales = [scale(row) for row in flat.tolist()]
        return Terms(np.array(values).astype(dtype).reshape(final), np.array(scales, np.float64).reshape(final))

    return oracle


def total(row: Row) -> float:
    return sum(row) if all(isinstance(each, int) for each in row) else _sum(row)


def _sum(row: Row) -> float:
    if all(map(math.isfinite, row)):
        return math.fsum(row)
    return math.nan if any(map(math.isnan, row)) or {math.inf, -math.inf} <= set(row) else sum(row)


def log(value: float) -> float:
    return -math.inf if value == 0 else math.nan if value < 0 else math.log(value)


def log_sum_exp(row: Row) -> float:
    return float(np.logaddexp.reduce(np.array(row, np.float64))) if row else -math.inf


def absolute(row: Row) -> float:
    return total([abs(each) for each in row])


def squares(row: Row) -> float:
    return total([each * each for each in row])


def greatest(row: Row) -> float:
    return math.nan if any(map(math.isnan, row)) else sorted(row)[-1]


def least(row: Row) -> float:
    return math.nan if any(map(math.isnan, row)) else sorted(row)[0]


def zero(row: Row) -> float:
    return 0.0


def log_sum_scale(row: Row) -> float:
    # An error of one part in the sum is that same error, absolute, in its logarithm.
    value = abs(total(row))
    return absolute(row) / value if 0 < value < math.inf else 0.0


def first(better: Callable[[float, float], bool]) -> Callable[..., np.ndarray]:
    """Return the oracle that finds the first best element; the first NaN is better than all."""

    def oracle(x: np.ndarray, axis: int = -1, keep_dims: bool = False, output_dtype: str = "int32") -> np.ndarray:
        flat, shape, with_ones = rows(x, (axis,))
        places = []
        for row in flat.tolist():
            place = 0
            for index, value in enumerate(row):
                if not math.isnan(row[place]) and (math.isnan(value) or better(value, row[place])):
                    place = index
            places.append(place)
        return np.array(places, np.int64).reshape(with_ones if keep_dims else shape)

    return oracle


ORACLES = {
    "reduce_argmax": first(lambda a, b: a > b),
    "reduce_argmin": first(lambda a, b: a < b),
    "reduce_l1_norm": by_row(absolute, zero),
    "reduce_l2_norm": by_row(lambda row: math.sqrt(squares(row)), zero),
    "reduce_log_sum": by_row(lambda row: log(total(row)), log_sum_scale),
    "reduce_log_sum_exp": by_row(log_sum_exp, lambda row: 1.0),
    "reduce_max": by_row(greatest, zero),
    "reduce_mean": by_row(
        lambda row: total(row) / len(row) if row else math.nan, lambda row: absolute(row) / len(row) if row else 0.0
    ),
    "reduce_min": by_row(least, zero),
    "reduce_prod": by_row(math.prod, zero),
    "reduce_sum": by_row(total, absolute),
    "reduce_sum_square": by_row(squares, zero),
}

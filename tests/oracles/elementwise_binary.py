"""What MIL's element-wise functions of two tensors give, by numpy and Python's own arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Number = float | int


def pairs(function: Callable[[Number, Number], Number], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return `function` of every pair of elements, in Python's own numbers."""
    wide_x, wide_y = np.broadcast_arrays(x, y)
    values = [function(a, b) for a, b in zip(wide_x.ravel().tolist(), wide_y.ravel().tolist(), strict=True)]
    return np.array(values, x.dtype if x.dtype.kind == "f" else np.int64).reshape(wide_x.shape)


def floor_div(a: Number, b: Number) -> Number:
    if isinstance(a, int):
        return a // b if b else 0
    if not math.isfinite(a) or (a == 0 and b == 0):
        return math.nan if b else a * math.copysign(math.inf, b) if a else math.nan
    if b == 0:
        return math.copysign(math.inf, a) * math.copysign(1, b)
    return a // b


def mod(a: Number, b: Number) -> Number:
    if isinstance(a, int):
        return a % b if b else 0
    if b == 0 or not math.isfinite(a) or math.isnan(b):
        return math.nan
    return a % b


def real_div(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "f":
        return x / y
    return pairs(lambda a, b: int(math.copysign(1, a) * math.copysign(1, b)) * (abs(a) // abs(b)) if b else 0, x, y)


def power(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "f":
        return np.power(x, y)
    return pairs(lambda a, b: a**b if b >= 0 else int(1 / a**-b) if a else 0, x, y)


ORACLES = {
    "add": lambda x, y: x + y,
    "equal": lambda x, y: ~((x < y) | (x > y) | np.isnan(x) | np.isnan(y)),
    "floor_div": lambda x, y: pairs(floor_div, x, y),
    "greater": lambda x, y: np.maximum(x, y) != y if x.dtype.kind != "f" else (x - y > 0) | _beyond(x, y),
    "greater_equal": lambda x, y: np.equal(x, y) | np.greater(x, y),
    "less": lambda x, y: np.less(x, y),
    "less_equal": lambda x, y: np.equal(x, y) | np.less(x, y),
    "logical_and": lambda x, y: x & y,
    "logical_or": lambda x, y: x | y,
    "logical_xor": lambda x, y: x != y,
    "maximum": lambda x, y: np.where(np.isnan(y) | (y > x), y, x),
    "minimum": lambda x, y: np.where(np.isnan(y) | (y < x), y, x),
    "mod": lambda x, y: pairs(mod, x, y),
    "mul": lambda x, y: x * y,
    "not_equal": lambda x, y: (x < y) | (x > y) | np.isnan(x) | np.isnan(y),
    "pow": power,
    "real_div": real_div,
    "sub": lambda x, y: x + -y,
}


def _beyond(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (np.isposinf(x) & ~np.isposinf(y) & ~np.isnan(y)) | (np.isneginf(y) & ~np.isneginf(x) & ~np.isnan(x))

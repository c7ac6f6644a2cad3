"""What MIL's element-wise functions of one tensor give, by numpy and the math module."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def each(function: Callable[[float], float], x: np.ndarray) -> np.ndarray:
    """Return `function` of every element, in Python's own floats."""
    return np.array([function(value) for value in x.ravel().tolist()], np.float64).reshape(x.shape)


def cast(x: np.ndarray, dtype: str) -> np.ndarray:
    if dtype in ("fp16", "fp32"):
        return x.astype(np.float64)
    if dtype == "bool":
        return x != 0
    least, greatest = {
        "int8": (-128, 127),
        "uint8": (0, 255),
        "int16": (-32768, 32767),
        "uint16": (0, 65535),
        "int32": (-2147483648, 2147483647),
    }[dtype]
    return np.array([_integer(value, least, greatest) for value in x.ravel().tolist()], np.int64).reshape(x.shape)


def _integer(value: float | int, least: int, greatest: int) -> int:
    if isinstance(value, int):
        return (value - least) % (greatest - least + 1) + least
    if math.isnan(value):
        return 0
    return int(min(max(value, least), greatest))


def ceil(x: np.ndarray) -> np.ndarray:
    return -np.floor(-x)


def clip(x: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    return np.minimum(np.maximum(x, alpha), beta)


def exp2(x: np.ndarray) -> np.ndarray:
    return 2.0**x if x.dtype.kind == "f" else np.where(x < 0, 0, 2 ** np.maximum(x, 0))


def inverse(x: np.ndarray, epsilon: float = 1e-4) -> np.ndarray:
    return 1.0 / (x + epsilon)


def log(x: np.ndarray, epsilon: float = float(np.float32(1e-45))) -> np.ndarray:
    return np.log2(x + epsilon) * math.log(2.0)


def round_(x: np.ndarray) -> np.ndarray:
    return each(lambda value: float(round(value)) if math.isfinite(value) else value, x)


def rsqrt(x: np.ndarray, epsilon: float = 1e-12) -> np.ndarray:
    return np.where(x + epsilon < 0, np.nan, (x + epsilon) ** -0.5)


def sign(x: np.ndarray) -> np.ndarray:
    return (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)


def threshold(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x < alpha, np.asarray(alpha, x.dtype), x)


ORACLES = {
    "abs": lambda x: np.where(np.signbit(x), -x, x) if x.dtype.kind == "f" else np.where(x < 0, -x, x),
    "acos": lambda x: 2 * np.arctan2(np.sqrt(1 - x), np.sqrt(1 + x)),
    "asin": lambda x: np.arctan2(x, np.sqrt((1 - x) * (1 + x))),
    "atan": lambda x: np.arctan2(x, 1.0),
    "atanh": lambda x: 0.5 * (np.log1p(x) - np.log1p(-x)),
    "cast": cast,
    "ceil": ceil,
    "clip": clip,
    "cos": lambda x: np.cos(x),
    "cosh": lambda x: 0.5 * (np.exp(x) + np.exp(-x)),
    "erf": lambda x: each(math.erf, x),
    "exp": lambda x: np.exp(x),
    "exp2": exp2,
    "floor": lambda x: each(lambda value: float(math.floor(value)) if math.isfinite(value) else value, x),
    "inverse": inverse,
    "log": log,
    "logical_not": lambda x: x == 0,
    "round": round_,
    "rsqrt": rsqrt,
    "sign": sign,
    "sin": lambda x: np.sin(x),
    "sinh": lambda x: np.where(np.abs(x) < 1, -np.expm1(-2 * x) * np.exp(x) / 2, 0.5 * (np.exp(x) - np.exp(-x))),
    "sqrt": lambda x: x**0.5,
    "square": lambda x: x**2,
    "tan": lambda x: np.tan(x),
    "tanh": lambda x: np.where(
        np.isinf(x), np.sign(x), np.expm1(2 * np.minimum(x, 300)) / (np.expm1(2 * np.minimum(x, 300)) + 2)
    ),
    "threshold": threshold,
}

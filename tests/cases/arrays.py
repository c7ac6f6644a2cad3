"""Arrays that cases share: seeded, so that a case is the same in every run."""

from __future__ import annotations

import numpy as np


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    """Return normal deviates as float32."""
    return np.asarray(np.random.default_rng(seed).normal(0, scale, shape), np.float32)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0, seed: int = 0) -> np.ndarray:
    """Return uniform deviates as float32."""
    return np.asarray(np.random.default_rng(seed).uniform(low, high, shape), np.float32)


def integers(*shape: int, low: int = -9, high: int = 9, seed: int = 0) -> np.ndarray:
    """Return integers from `low` to `high` as int32."""
    return np.asarray(np.random.default_rng(seed).integers(low, high, shape, endpoint=True), np.int32)


def booleans(*shape: int, seed: int = 0) -> np.ndarray:
    """Return truth values."""
    return np.asarray(np.random.default_rng(seed).integers(0, 2, shape), np.bool_)


def f32(*values: object) -> np.ndarray:
    """Return the values as float32; one number alone gives an array without axes."""
    return np.asarray(values[0] if len(values) == 1 else values, np.float32)


def i32(*values: object) -> np.ndarray:
    """Return the values as int32; one number alone gives an array without axes."""
    return np.asarray(values[0] if len(values) == 1 else values, np.int32)


SPECIAL = f32(0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -2.5, np.inf, -np.inf, np.nan, 6.0, 1e-3, -1e-3, 100.0, -100.0)
"""Zeros of both signs, halves, infinities, NaN, and what saturates."""

EMPTY = np.zeros((0, 3), np.float32)
SCALAR = f32(0.7)

"""One layer, its parameters and inputs, and what it gives, by an oracle written apart from the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RANDOM = np.random.default_rng(14)


def normal(*shape: int) -> np.ndarray:
    """Return random numbers."""
    return RANDOM.standard_normal(shape, np.float32)


def whole(limit: int, *shape: int) -> np.ndarray:
    """Return random whole numbers below `limit`, as floating numbers."""
    return RANDOM.integers(0, limit, shape).astype(np.float32)


def numbers(values: object) -> np.ndarray:
    """Return given numbers in fp32."""
    return np.asarray(values, np.float32)


def wide(values: object) -> np.ndarray:
    """Return given numbers in fp64."""
    return np.asarray(values, np.float64)


@dataclass(frozen=True)
class Case:
    """A layer on inputs `x`, `x1`, ...; `oracle` takes these in fp64, and returns one array or a tuple.

    A `rank5` network is an older one. `outputs` is the number of outputs.
    """

    kind: str
    params: Mapping[str, Any]
    inputs: Sequence[np.ndarray]
    oracle: Callable[..., Any]
    note: str = ""
    outputs: int = 1
    rank5: bool = False
    rtol: float = 2e-6
    atol: float = 2e-6

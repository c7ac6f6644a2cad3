"""The vector sigmoid and tanh, in units in the last place of float64's results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numba import njit

from mlparity.engine.numerics.kernels.fp32_gates import sigmoid_of, tanh_of

SPREAD = np.geomspace(1e-30, 85, 40_000)
X = np.concatenate([np.linspace(-30, 30, 160_000), SPREAD, -SPREAD]).astype(np.float32)


@njit
def _sigmoid(x, out):
    for i in range(0, x.size, 16):
        sigmoid_of(x.ctypes.data + 4 * i, out.ctypes.data + 4 * i)


@njit
def _tanh(x, out):
    for i in range(0, x.size, 16):
        tanh_of(x.ctypes.data + 4 * i, out.ctypes.data + 4 * i)


def _of(run: Callable[[np.ndarray, np.ndarray], None], x: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    run(x, out)
    return out


@pytest.mark.parametrize(
    ("run", "exact"), [(_sigmoid, lambda x: 1 / (1 + np.exp(-x))), (_tanh, np.tanh)], ids=["sigmoid", "tanh"]
)
def test_results_are_within_three_units_in_the_last_place(
    run: Callable[[np.ndarray, np.ndarray], None], exact: Callable[[np.ndarray], np.ndarray]
) -> None:
    wanted = exact(X.astype(np.float64))
    unit = np.spacing(np.abs(wanted).astype(np.float32)).astype(np.float64)
    assert (np.abs(_of(run, X) - wanted) <= 3 * unit).all()


def test_ends_and_what_is_no_number() -> None:
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e30, -1e30, 100, *[0.0] * 8], np.float32)
    sigmoid, tanh = _of(_sigmoid, x), _of(_tanh, x)
    np.testing.assert_array_equal(tanh[:8], [0.0, -0.0, 1, -1, np.nan, 1, -1, 1])
    assert np.signbit(tanh[1])
    np.testing.assert_array_equal(sigmoid[[0, 1, 2, 4, 5, 7]], [0.5, 0.5, 1, np.nan, 1, 1])
    np.testing.assert_array_equal(sigmoid[[3, 6]], [0, 0])

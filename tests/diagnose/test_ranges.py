"""The range of a tensor's values: exact extremes, and a mean square that neither overflows nor depends on the size."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mlparity.diagnose.ranges import Range, range_of


@pytest.mark.parametrize("scale", [1.0, 1e-30, 3e-16, 1e15, 1e30])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1, 1000, 70_001])
def test_the_range_of_finite_values(size: int, dtype: torch.dtype, scale: float) -> None:
    drawn = torch.from_numpy(np.random.default_rng(size).standard_normal(size) + 0.5)
    values = (drawn * min(scale, 6e3 if dtype is torch.float16 else scale)).to(dtype)
    found, exact = range_of(values), values.double()
    assert (found.low, found.high) == (float(exact.min()), float(exact.max()))
    assert (found.count, found.minus_infinities) == (size, 0)
    assert found.rms == pytest.approx(math.sqrt(float(exact.square().mean())), rel=1e-6, abs=1e-300)


def test_values_that_are_not_finite_count_for_nothing() -> None:
    values = torch.tensor([3.0, -4.0, torch.nan, torch.inf, -torch.inf, -torch.inf])
    found = range_of(values)
    assert (found.low, found.high, found.count, found.minus_infinities) == (-4.0, 3.0, 2, 2)
    assert found.squares == pytest.approx(25.0)
    assert range_of(torch.tensor([torch.nan])) == Range()
    assert range_of(torch.tensor([-torch.inf])) == Range(minus_infinities=1)
    assert range_of(torch.zeros(0)) == Range()


def test_finite_values_whose_sum_is_not_finite() -> None:
    assert range_of(torch.full((4,), 3e38)).count == 4

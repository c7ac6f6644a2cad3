"""Sums in fp32 keep their order: each held against the same steps in fp64, rounded once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlparity.engine.numerics.wide_sums import SequentialFp32, in_order, in_sixteens


def _drawn(*shape: int) -> torch.Tensor:
    """Return numbers whose product and sum are exact in fp64, so that one rounding to fp32 is the fused step's."""
    numbers = np.random.default_rng(0).integers(-(1 << 20), 1 << 20, shape) / (1 << 20)
    return torch.from_numpy(numbers.astype(np.float32))


def test_each_step_is_a_fused_multiply_add_in_order() -> None:
    x, w = _drawn(3, 70), _drawn(130, 70)
    total = np.zeros((3, 130), np.float32)
    for k in range(70):
        total = (total + x[:, k, None].double().numpy() * w[:, k].double().numpy()).astype(np.float32)
    assert np.array_equal(in_order(x, w).numpy(), total)
    assert not np.array_equal((x.double() @ w.double().T).float().numpy(), total)


@pytest.mark.parametrize("length", [32, 40])
def test_sixteen_products_go_in_as_four_sums_of_four(length: int) -> None:
    x, w = _drawn(2, length), _drawn(5, length)
    filled = -length % 16
    a, b = np.pad(x.numpy(), ((0, 0), (0, filled))), np.pad(w.numpy(), ((0, 0), (0, filled)))
    total = np.zeros((2, 5), np.float32)
    for k in range(0, length + filled, 16):
        for first in range(k, k + 8, 2):
            one, two, three, four = (a[:, k, None] * b[:, k] for k in (first, first + 1, first + 8, first + 9))
            total = total + ((one + two) + (three + four))
    assert np.array_equal(in_sixteens(x, w).numpy(), total)


def test_a_bias_is_added_last_and_a_sum_of_nothing_is_zero() -> None:
    x, w, bias = _drawn(2, 9), _drawn(4, 9), _drawn(4)
    products = SequentialFp32()
    assert torch.equal(products.linear(x, w, bias), in_order(x, w) + bias)
    assert torch.equal(in_order(x[:, :0], w[:, :0]), torch.zeros(2, 4))

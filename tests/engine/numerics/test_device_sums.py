"""Sums in PyTorch's own ops give the bits of the compiled kernels, which are held to an oracle of their own."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlparity.engine.numerics import device_sums
from mlparity.engine.numerics.accumulators import FixedPoint, SequentialFp16
from mlparity.engine.numerics.exact_products import ExactProducts
from mlparity.engine.numerics.rounding import LEAST_IN_PLACE, half_away, half_even, half_even_in_place, is_dense
from tests.engine.numerics.test_accumulators import CASES, drawn, tensors, values
from tests.engine.runtime.optimised.special import Content, assert_same_bits, contents

Drawn = tuple[int, int, int, int, float, float, bool]


@given(CASES)
@settings(max_examples=60, deadline=None)
def test_fixed_point_has_the_kernel_s_bits(case: Drawn) -> None:
    x, w, b = tensors(drawn(*case))
    found = device_sums.fixed_point(device_sums.decoded(x), w, b)
    np.testing.assert_array_equal(found.numpy(), FixedPoint().rows(x, w, b).numpy())


@pytest.mark.parametrize("lanes", [1, 8])
@given(CASES)
@settings(max_examples=60, deadline=None)
def test_sequential_fp16_has_the_kernel_s_bits(lanes: int, case: Drawn) -> None:
    x, w, b = tensors(drawn(*case))
    found = device_sums.sequential_fp16(x, w, b, lanes)
    np.testing.assert_array_equal(found.numpy(), SequentialFp16(lanes=lanes).rows(x, w, b).numpy())


def test_what_is_not_finite_and_sums_that_reach_the_limit_go_as_in_the_kernels() -> None:
    x, w = torch.tensor([[math.inf], [math.nan], [-math.inf]]), torch.tensor([[2.0**-12]])
    assert device_sums.fixed_point(device_sums.decoded(x), w, None).flatten().tolist() == [16.0, 24.0, -16.0]
    found = device_sums.sequential_fp16(x, w, None, 1).flatten()
    assert found[[0, 2]].tolist() == [math.inf, -math.inf]
    assert found[1].isnan()
    rows = torch.tensor([[16384.0, 16384, -16384, -16384], [16384, -16384, 16384, -16384], [-32768, 1, 0, 0]])
    assert device_sums.fixed_point(rows, torch.ones(1, 4), None).flatten().tolist() == [math.inf, 0.0, -math.inf]
    large = values(9, 30, scale=120.0)
    np.testing.assert_array_equal(
        device_sums.sequential_fp16(large, large, None, 1).numpy(), SequentialFp16().rows(large, large, None).numpy()
    )


def test_no_rows_and_no_products_are_the_bias_alone() -> None:
    for sums in (device_sums.fixed_point, partial(device_sums.sequential_fp16, lanes=1)):
        assert sums(torch.empty(0, 3), torch.ones(2, 3), None).shape == (0, 2)
        assert sums(torch.empty(2, 0), torch.empty(1, 0), torch.tensor([1.5])).tolist() == [[1.5], [1.5]]


def test_many_products_are_held_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = values(7, 5), values(3, 5, seed=1)
    whole = device_sums.fixed_point(x, w, None)
    monkeypatch.setattr(device_sums, "_AT_ONCE", 30)
    assert torch.equal(device_sums.fixed_point(x, w, None), whole)


@pytest.mark.parametrize("kind", ["fixed", "sequential", "eight lanes"])
@given(contents, contents, contents, st.tuples(st.integers(0, 9), st.integers(0, 20), st.integers(0, 20)))
@settings(max_examples=80, deadline=None)
def test_special_values_give_the_bits_of_the_plain_sums(
    kind: str, first: Content, second: Content, third: Content, sizes: tuple[int, int, int]
) -> None:
    rows, length, columns = sizes
    shapes = ((rows, length), (columns, length), (columns,))
    arrays = [each.array("fp16", shape) for each, shape in zip((first, second, third), shapes, strict=True)]
    x, w, b = tensors(arrays)
    products: ExactProducts
    if kind == "fixed":
        plain, products = device_sums.fixed_point(device_sums.decoded(x), w, b), FixedPoint()
    else:
        lanes = 8 if kind == "eight lanes" else 1
        plain, products = device_sums.sequential_fp16(x, w, b, lanes), SequentialFp16(lanes=lanes)
    caching = products.caching()
    for found in (products.rows(x, w, b), caching.rows(x, w, b), caching.rows(x, w, b)):
        assert_same_bits(plain.float(), found)


def test_kernels_round_as_pytorch_s_ops_do() -> None:
    halves = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.float16).float()
    between = [halves * (1 + 2.0**-11), halves * (1 - 2.0**-12), halves * 2.0**16, halves * 2.0**-13]
    x = torch.cat([halves, *between])
    spread = torch.stack([x, x], -1)[:, 0]
    assert not is_dense(spread)
    assert_same_bits(half_away(spread), half_away(x))
    assert x.numel() >= LEAST_IN_PLACE
    assert_same_bits(half_even(x), half_even_in_place(x.clone()))

"""Rounding half away from zero on every kind of fp32 number, in both ways that compute it, and to even in place."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlparity.engine.numerics.rounding import LEAST_IN_PLACE, half_away, half_away_wide, half_even, half_even_in_place
from tests.oracles.accumulators import to_fp16


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_the_nearest_number_with_halves_away(numbers: list[float]) -> None:
    grid = np.clip(numbers, -60000, 60000).astype(np.float16)
    halves = [float(each) + float(np.spacing(each)) / 2 for each in grid]
    x = torch.tensor(numbers + halves)
    wanted = torch.tensor([to_fp16(to_eleven_bits(Fraction(float(each))), away=True) for each in x])
    assert torch.equal(half_away(x), wanted)
    assert torch.equal(half_away(torch.stack((x, x), 1)[:, 0]), wanted)  # with gaps: PyTorch's own way
    once = torch.tensor([to_fp16(Fraction(float(each)), away=True) for each in x])
    assert torch.equal(half_away_wide(x.double()), once)


def to_eleven_bits(x: Fraction) -> Fraction:
    """Round to 11 significant bits, half away, whatever the exponent."""
    if x == 0:
        return x
    step = Fraction(2) ** (math.frexp(float(x))[1] - 11)
    return (1 if x > 0 else -1) * math.floor(abs(x) / step + Fraction(1, 2)) * step


def test_small_numbers_are_rounded_twice() -> None:
    """Just below half way between two multiples of 2^-24, 11 bits reach half way, and the second rounding goes up."""
    x = torch.tensor([2.0**-24 * (1.5 - 2.0**-12), 2.0**-24 * (1.5 - 2.0**-9)])
    for each in (x, torch.stack((x, x), 1)[:, 0]):
        assert half_away(each).tolist() == [2.0**-23, 2.0**-24]


def test_what_is_no_number_is_nothing_and_infinity_stays() -> None:
    x = torch.tensor([math.nan, -math.nan, -0.0, math.inf, -math.inf, 65519.9, 65520.0])
    for each in (x, torch.stack((x, x), 1)[:, 0]):
        found = half_away(each)
        assert found.tolist() == [0.0, 0.0, 0.0, math.inf, -math.inf, 65504.0, math.inf]
        assert not torch.signbit(found[:3]).any()


@pytest.mark.parametrize(
    "count", [0, 5, LEAST_IN_PLACE - 1, LEAST_IN_PLACE, LEAST_IN_PLACE + 7, 3 * LEAST_IN_PLACE + 17]
)
@pytest.mark.parametrize("threads", [1, 3])
def test_rounding_in_place_is_rounding(count: int, threads: int) -> None:
    every = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.float16).float()
    halfway = (every[:-1] + every[1:]) / 2
    numbers = torch.cat([every, halfway, torch.tensor([65519.0, 65520.0, -1e30, 1e-30, -0.0])])
    x = numbers.repeat(1 + count // numbers.numel())[:count].clone()
    wanted, before = half_even(x), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = half_even_in_place(x)
    finally:
        torch.set_num_threads(before)
    assert found.data_ptr() == x.data_ptr()
    np.testing.assert_array_equal(found.numpy(), wanted.numpy())
    assert torch.equal(found.signbit(), wanted.signbit())


def test_rounding_in_place_follows_any_order_of_axes() -> None:
    x = torch.randn(3, 64, 33, 17)
    for each in (x.contiguous(memory_format=torch.channels_last), x.transpose(1, 2), x[:, :, ::2]):
        assert torch.equal(half_even_in_place(each.clone()), half_even(each))
        there = each.clone(memory_format=torch.preserve_format)
        assert torch.equal(half_even_in_place(there), half_even(each))


def test_shapes_are_checked_without_pytorch_s_compiler() -> None:
    """Its import takes more than opening a model does."""
    code = """
import sys, torch
from mlparity.engine.numerics.rounding import half_away, half_away_wide
x = torch.empty(2, 3, device="meta")
found = half_away(x), half_away_wide(x.double())
print([(tuple(each.shape), each.dtype, each.is_meta) for each in found], "torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{[((2, 3), torch.float32, True)] * 2} False"

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mlparity.engine.numerics import FP32, PROFILES, REFERENCE, TYPED, Profile

FP16 = TYPED.numerics("fp16")


@given(st.floats(width=32))
def test_an_fp16_store_rounds_to_nearest_even_as_numpy_does(value: float) -> None:
    with np.errstate(over="ignore"):
        expected = float(np.float32(value).astype(np.float16))
    found = FP16.store(torch.tensor(value)).item()
    assert found == expected or (math.isnan(found) and math.isnan(expected))


@given(st.floats(width=32, allow_nan=False))
def test_a_store_changes_nothing_the_second_time(value: float) -> None:
    once = FP16.store(torch.tensor(value))
    assert torch.equal(FP16.store(once), once)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2049.0, 2048.0),  # a tie goes to the even neighbour
        (2051.0, 2052.0),
        (65_519.0, 65_504.0),  # the last value that rounds to the largest finite one
        (65_520.0, math.inf),
        (-65_520.0, -math.inf),
        (2.0**-24, 2.0**-24),  # the least subnormal is kept
        (2.0**-25, 0.0),
        (math.inf, math.inf),
    ],
)
def test_an_fp16_store_at_the_edges(value: float, expected: float) -> None:
    assert FP16.store(torch.tensor(value)).item() == expected


def test_minus_zero_and_nan_stay() -> None:
    assert math.copysign(1, FP16.store(torch.tensor(-0.0)).item()) == -1
    assert math.isnan(FP16.store(torch.tensor(math.nan)).item())


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3)])
def test_scalars_and_empty_tensors_keep_their_shape(shape: tuple[int, ...]) -> None:
    assert FP16.store(torch.zeros(shape)).shape == shape


def test_the_gradient_passes_through_a_store() -> None:
    x = torch.tensor([0.1, 2049.0], requires_grad=True)
    FP16.store(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 1]


@pytest.mark.parametrize("profile", [REFERENCE, FP32])
def test_wide_profiles_lose_nothing(profile: Profile) -> None:
    value = torch.tensor(1 / 3, dtype=profile.compute)
    assert torch.equal(profile.numerics("fp16").store(value), value)


def test_whole_numbers_are_never_rounded() -> None:
    assert FP16.store(torch.tensor(2049)).item() == 2049


def test_each_profile_says_where_its_behaviour_comes_from() -> None:
    assert all(profile.source and profile.summary for profile in PROFILES.values())

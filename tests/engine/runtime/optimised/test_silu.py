from __future__ import annotations

import numpy as np
import pytest
import torch

from mlparity.engine.mil.program import Program
from mlparity.engine.numerics import FP32, REFERENCE, TYPED, Profile
from mlparity.engine.runtime.bind import bind
from tests.engine.runtime.programs import computed, op, program, tensor

SPECIAL = (0.0, -0.0, np.inf, -np.inf, np.nan, 3e38, -3e38, 80.0, -80.0, -90.0, -110.0, 1e-42, -1e-42)
X = np.concatenate([np.random.default_rng(0).standard_normal(1000) * 8, SPECIAL]).astype(np.float32)
SIZES = (len(X),)


def _program(x: str, y: str, *, dtype: str = "fp32", outputs: tuple[str, ...] = ("z",)) -> Program:
    """Return sigmoid and a product of two values; `w` is the sigmoid of the other input."""
    ops = [op("sigmoid", tensor(name, dtype, *SIZES), x=f"%{of}") for name, of in (("s", "a"), ("w", "b"))]
    ops.append(op("mul", tensor("z", dtype, *SIZES), x=f"%{x}", y=f"%{y}"))
    ops.append(op("add", tensor("last", dtype, *SIZES), x="%z", y="%w"))
    return program(tuple(tensor(name, dtype, *SIZES) for name in "ab"), tuple(ops), (*outputs, "last"))


def _count(written: Program, profile: Profile = FP32) -> int:
    return len(bind(written, profile, kernels=True).steps)


@pytest.mark.parametrize(("x", "y"), [("a", "s"), ("s", "a")])
def test_a_sigmoid_and_its_product_are_one_step(x: str, y: str) -> None:
    assert _count(_program(x, y)) == 3
    assert len(bind(_program(x, y), FP32).steps) == 4


@pytest.mark.parametrize("profile", [FP32, REFERENCE], ids=lambda profile: profile.name)
def test_one_step_gives_what_two_give_and_is_nearer_to_the_exact(profile: Profile) -> None:
    written = _program("a", "s")
    given = {"a": torch.from_numpy(X).to(profile.compute), "b": torch.zeros(SIZES, dtype=profile.compute)}
    one, two = (computed(bind(written, profile, kernels=fast), given)["z"].numpy() for fast in (True, False))
    unit = 2.0**-22 if profile is FP32 else 2.0**-51
    np.testing.assert_allclose(one, two, rtol=unit, atol=1e-36)
    wide = X.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        exact = wide / (1 + np.exp(-wide))
    np.testing.assert_allclose(one, exact, rtol=2.0**-21, atol=1e-36)
    numbers = ~np.isnan(two)
    np.testing.assert_array_equal(np.signbit(one[numbers]), np.signbit(two[numbers]))


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(_program("b", "s"), id="the product with another value"),
        pytest.param(_program("s", "s"), id="the product with itself"),
        pytest.param(_program("a", "w"), id="the sigmoid of another value"),
        pytest.param(_program("a", "s", outputs=("z", "s")), id="a sigmoid that goes out"),
    ],
)
def test_other_products_stay_apart(written: Program) -> None:
    assert _count(written) == 4


def test_what_is_rounded_in_between_stays_apart() -> None:
    assert _count(_program("a", "s", dtype="fp16"), TYPED) == 4


def test_a_sigmoid_with_another_reader_stays_apart() -> None:
    ops = [
        op("sigmoid", tensor("s", "fp32", *SIZES), x="%a"),
        op("mul", tensor("z", "fp32", *SIZES), x="%a", y="%s"),
        op("add", tensor("last", "fp32", *SIZES), x="%z", y="%s"),
    ]
    assert _count(program((tensor("a", "fp32", *SIZES),), tuple(ops), ("last",))) == 3

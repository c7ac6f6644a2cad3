"""Random ops: the same seed gives the same draws at every precision, and the draws follow the distribution.

Seeds are fixed, so that no bound here can fail by chance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from mlparity.engine.numerics import FP32, REFERENCE, Numerics
from mlparity.engine.ops.random import random_bernoulli, random_categorical, random_normal, random_uniform
from mlparity.engine.ops.registry import definitions

NUM = FP32.numerics("fp32")
MANY = (20_000,)

Draw = Callable[[int, Numerics], Tensor]

SHAPED: dict[str, Draw] = {
    "random_bernoulli": lambda seed, num: random_bernoulli(MANY, 0.3, seed, num=num),
    "random_normal": lambda seed, num: random_normal(MANY, 1.0, 2.0, seed, num=num),
    "random_uniform": lambda seed, num: random_uniform(MANY, -1.0, 3.0, seed, num=num),
}


@pytest.mark.parametrize("draw", SHAPED.values(), ids=SHAPED.keys())
def test_a_seed_gives_the_same_draws_at_every_precision(draw: Draw) -> None:
    first, second, wide = draw(7, NUM), draw(7, NUM), draw(7, REFERENCE.numerics("fp32"))
    assert torch.equal(first, second)
    assert first.dtype is torch.float32
    assert wide.dtype is torch.float64
    torch.testing.assert_close(first.double(), wide, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("draw", SHAPED.values(), ids=SHAPED.keys())
def test_another_seed_gives_other_draws(draw: Draw) -> None:
    assert not torch.equal(draw(7, NUM), draw(8, NUM))


@pytest.mark.parametrize("draw", SHAPED.values(), ids=SHAPED.keys())
def test_without_a_seed_torch_decides(draw: Draw) -> None:
    torch.manual_seed(3)
    first, second = draw(-1, NUM), draw(-1, NUM)
    torch.manual_seed(3)
    assert torch.equal(draw(-1, NUM), first)
    assert not torch.equal(first, second)


def test_bernoulli_draws_ones_as_often_as_asked() -> None:
    drawn = SHAPED["random_bernoulli"](1, NUM)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert abs(drawn.mean().item() - 0.3) < 0.01
    assert random_bernoulli((9,), 0.0, 1, num=NUM).sum() == 0
    assert random_bernoulli((9,), 1.0, 1, num=NUM).sum() == 9


def test_normal_has_the_mean_the_width_and_the_tails() -> None:
    drawn = (SHAPED["random_normal"](1, NUM) - 1.0) / 2.0
    assert abs(drawn.mean().item()) < 0.02
    assert abs(drawn.std().item() - 1.0) < 0.02
    # Source: the normal distribution function at 1 and 2.
    assert abs((drawn < 1).double().mean().item() - 0.8413) < 0.01
    assert abs((drawn < 2).double().mean().item() - 0.9772) < 0.005


def test_uniform_fills_its_interval_evenly() -> None:
    drawn = SHAPED["random_uniform"](1, NUM)
    assert drawn.min() >= -1.0
    assert drawn.max() < 3.0
    shares = np.histogram(drawn.numpy(), bins=8, range=(-1, 3))[0] / len(drawn)
    np.testing.assert_allclose(shares, 1 / 8, atol=0.01)
    assert random_uniform((3,), 2.0, 2.0, 1, num=NUM).tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(("low", "high"), [(1.0, 0.0), (0.0, float("inf")), (float("nan"), 1.0)])
def test_uniform_refuses_bounds_that_span_nothing(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="a uniform distribution"):
        random_uniform((3,), low, high, 1, num=NUM)


@pytest.mark.parametrize("mode", ["probs", "logits"])
def test_categorical_draws_each_class_by_its_weight(mode: str) -> None:
    weights = torch.tensor([[1.0, 2.0, 1.0], [0.0, 1.0, 0.0]])
    drawn = random_categorical(weights if mode == "probs" else weights.log(), mode, 8_000, 5)
    assert drawn.shape == (2, 8_000)
    assert drawn.dtype is torch.float32
    shares = torch.stack([(drawn == each).double().mean(-1) for each in range(3)], dim=-1)
    np.testing.assert_allclose(shares.numpy(), [[0.25, 0.5, 0.25], [0.0, 1.0, 0.0]], atol=0.02)
    assert torch.equal(drawn, random_categorical(weights if mode == "probs" else weights.log(), mode, 8_000, 5))


def test_categorical_keeps_the_leading_shape() -> None:
    assert random_categorical(torch.zeros(2, 3, 4), size=5, seed=1).shape == (2, 3, 5)
    assert random_categorical(torch.zeros(4), seed=1).shape == (1,)


def test_categorical_refuses_another_mode() -> None:
    with pytest.raises(ValueError, match="the mode 'odds'"):
        random_categorical(torch.zeros(4), "odds")


def test_no_random_op_may_be_folded() -> None:
    drawn = {each.name: each.pure for each in definitions() if each.name.startswith("random_")}
    assert drawn == dict.fromkeys((*SHAPED, "random_categorical"), False)

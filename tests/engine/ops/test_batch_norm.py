"""A norm by given statistics: a gradient flows through them too, as locating ops needs it."""

from __future__ import annotations

from typing import Any

import torch

from mlparity.engine.ops.registry import find

ARGUMENTS: dict[str, Any] = {
    "x": torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(2, 3, 4),
    "gamma": torch.tensor([0.5, 1.0, -2.0], dtype=torch.float64),
    "beta": torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64),
}
MEAN = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
VARIANCE = torch.tensor([0.4, 1.5, 0.02], dtype=torch.float64)


def normed(mean: torch.Tensor, variance: torch.Tensor) -> Any:
    return find("batch_norm", 15).fn(mean=mean, variance=variance, **ARGUMENTS)


def test_statistics_that_are_computed_have_a_gradient() -> None:
    statistics = (MEAN.clone().requires_grad_(), VARIANCE.clone().requires_grad_())
    assert torch.autograd.gradcheck(normed, statistics)


def test_with_a_gradient_the_values_stay() -> None:
    found = normed(MEAN.clone().requires_grad_(), VARIANCE)
    torch.testing.assert_close(found.detach(), normed(MEAN, VARIANCE), rtol=1e-12, atol=1e-12)

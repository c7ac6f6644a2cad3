"""Sensitivity: the mean square of what a weight's numbers move the outputs by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mlparity.core.words import Precision
from mlparity.diagnose.sensitivity import sensitivities, weight_slots
from mlparity.targets.coreml.mixed_compression import weights_of
from mlparity.targets.table import target_named
from mlparity.targets.target import Request
from mlparity.verification.explain_package import plans_of
from tests.loading import load_source


def test_the_sensitivity_of_a_linear_layer_is_the_square_of_its_input(tmp_path: Path) -> None:
    """Moving the weight of one output by one moves that output by the input: in the mean its square, over the size."""
    torch.manual_seed(0)
    module, path = nn.Sequential(nn.Linear(48, 64)).eval(), tmp_path / "linear.mlpackage"
    sample = {"input": np.random.default_rng(0).standard_normal((1, 48)).astype(np.float32)}
    target_named("coreml").convert(Request(load_source(module, sample), [sample], Precision.FP32, path))
    plan, shapes = plans_of(path).exact, weights_of(path)
    (slots,) = [weight_slots(plan, set(shapes))]
    inputs = {name: torch.from_numpy(sample["input"]).to(plan.profile.compute) for name in plan.inputs}
    ((weight, found),) = sensitivities(plan, slots, [inputs]).items()
    with torch.no_grad():
        scale = float(module(torch.from_numpy(sample["input"])).abs().max())
    expected = np.broadcast_to(sample["input"].astype(np.float64) ** 2 / (64 * scale**2), shapes[weight])
    assert found.numpy() == pytest.approx(expected, rel=1e-3)

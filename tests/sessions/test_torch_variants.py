"""A source as a mistaken artifact has it: in training mode, and with what fp16 makes of its numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.sessions.torch_variants import run_in_training_mode, run_with_fp16_weights
from tests.loading import load_source

X = {"x": np.array([[1.0, -2.0, 3.0]], np.float32)}


class Numbers(nn.Module):
    """A weight and two numbers in the code that fp16 cannot hold."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.1]))

    def forward(self, x: Tensor) -> Tensor:
        return (x * 0.1 + 1e-12) * self.weight


def test_weights_and_numbers_are_rounded_and_values_are_not() -> None:
    module = Numbers().eval()
    source = load_source(module, X)
    outputs = run_with_fp16_weights(source, X)
    assert outputs is not None
    (found,) = outputs.values()
    near = float(np.float16(0.1))
    wanted = (X["x"] * np.float32(near) + np.float32(2.0**-24)) * np.float32(near)
    np.testing.assert_array_equal(found, wanted)
    assert float(module.weight.detach()) == pytest.approx(0.1, abs=1e-8), "the source itself is as it was"


def test_training_mode_uses_the_statistics_of_the_batch() -> None:
    batch = {"input": np.eye(3, dtype=np.float32)}
    outputs = run_in_training_mode(load_source(nn.BatchNorm1d(3).eval(), batch), batch)
    assert outputs is not None
    (found,) = outputs.values()
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-6)


def test_a_source_without_statistics_has_no_training_mode() -> None:
    sample = {"input": X["x"]}
    assert run_in_training_mode(load_source(nn.Linear(3, 2).eval(), sample), sample) is None

"""A large weight of which a unit's sums keep what they make is held as the file has it; the bits stay the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mlparity.engine.mil.program import Program
from mlparity.engine.numerics import TYPED, Processor, Profile
from mlparity.engine.numerics.unit_profiles import leading
from mlparity.engine.runtime import fold
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.plan import Plan
from tests.engine.runtime.optimised.special import assert_same_bits
from tests.engine.runtime.programs import computed, op, program, tensor

EXACT = [leading(Processor.NE, "M1").profile, leading(Processor.NE, "M6").profile, leading(Processor.CPU, "M4").profile]
RANDOM = np.random.default_rng(0)


def _random(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float16)


PROGRAMS = {
    "linear": (
        (2, 8),
        lambda opset: program(
            (tensor("x", "fp16", 2, 8),),
            (op("linear", tensor("y", "fp16", 2, 5), x="%x", weight=_random(5, 8), bias=_random(5)),),
            ("y",),
            opset,
        ),
    ),
    "matmul": (
        (2, 8),
        lambda opset: program(
            (tensor("x", "fp16", 2, 8),),
            (
                op(
                    "matmul",
                    tensor("y", "fp16", 2, 5),
                    x="%x",
                    y=_random(8, 5),
                    transpose_x=False,
                    transpose_y=False,
                ),
            ),
            ("y",),
            opset,
        ),
    ),
    "conv": (
        (1, 4, 6, 6),
        lambda opset: program(
            (tensor("x", "fp16", 1, 4, 6, 6),),
            (
                op(
                    "conv",
                    tensor("y", "fp16", 1, 6, 6, 6),
                    x="%x",
                    weight=_random(6, 4, 3, 3),
                    pad_type="same",
                    strides=(1, 1),
                    dilations=(1, 1),
                    pad=(0, 0, 0, 0),
                    groups=np.int32(1),
                ),
            ),
            ("y",),
            opset,
        ),
    ),
}


def _weights(plan: Plan) -> list[Tensor]:
    return [value for value in plan.initial if isinstance(value, Tensor) and value.numel() >= 24]


@pytest.mark.parametrize("opset", [15, 17])
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("profile", EXACT, ids=lambda profile: profile.name)
def test_narrow_weights_give_the_same_bits(
    profile: Profile, name: str, opset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape, make = PROGRAMS[name]
    written: Program = make(opset)
    inputs = {"x": torch.from_numpy(_random(*shape)).float()}
    monkeypatch.setattr(fold, "LARGE", 10**9)
    wide = bind(written, profile, kernels=True)
    monkeypatch.setattr(fold, "LARGE", 1)
    narrow = bind(written, profile, kernels=True)
    assert [each.dtype for each in _weights(wide)] == [torch.float32]
    assert [each.dtype for each in _weights(narrow)] == [torch.float16]
    for _ in range(2):  # packed, then from what was kept
        assert_same_bits(computed(narrow, inputs)["y"], computed(wide, inputs)["y"])


def test_an_arithmetic_that_keeps_nothing_has_its_weights_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "LARGE", 1)
    plan = bind(PROGRAMS["matmul"][1](15), TYPED, kernels=True)
    assert [each.dtype for each in _weights(plan)] == [torch.float32]

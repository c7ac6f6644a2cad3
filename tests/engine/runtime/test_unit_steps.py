"""What is left out of a plan because it changes nothing: stores before an activation, looks for NaN, folded steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlparity.engine.mil.program import Name, Op
from mlparity.engine.numerics import TYPED, Processor, Profile
from mlparity.engine.numerics.unit_profiles import leading
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.fuse import FOLLOWERS, PRODUCERS
from tests.engine.runtime.optimised.special import SPECIAL, Content, assert_same_bits, contents, given_as
from tests.engine.runtime.programs import computed, op, program, tensor

ENGINE = leading(Processor.NE, "M1").profile
VALUES = (*SPECIAL, 65504.0, -65504.0, 2.0**-24, 0.3, 1.5)


def _sums(follower: str, bounds: tuple[float, float], profile: Profile, *, apart: bool) -> torch.Tensor:
    """Return an activation of all sums of two values; `apart` the sums are an output too, and stored."""
    first = op("add", tensor("c", "fp16", 11, 11), x="%x", y="%y")
    limits = {"alpha": np.float32(bounds[0]), "beta": np.float32(bounds[1])} if follower == "clip" else {}
    ops = (first, op(follower, tensor("z", "fp16", 11, 11), x="%c", **limits))
    outputs = ("z", "c") if apart else ("z",)
    written = program((tensor("x", "fp16", 11, 1), tensor("y", "fp16", 1, 11)), ops, outputs)
    numbers = torch.tensor([*VALUES, -0.3]).half().float()
    return computed(bind(written, profile), {"x": numbers[:, None], "y": numbers[None]})["z"]


@pytest.mark.parametrize("profile", [TYPED, ENGINE], ids=lambda profile: profile.name)
@pytest.mark.parametrize("bounds", [(1.0, 2.0), (-1.0, 1.0), (0.125, 0.75), (-2.0, math.inf), (math.nan, 1.0)])
@pytest.mark.parametrize("follower", sorted(FOLLOWERS))
def test_a_store_behind_its_activation_gives_the_same_bits(
    follower: str, bounds: tuple[float, float], profile: Profile
) -> None:
    assert "add" in PRODUCERS
    assert_same_bits(*(_sums(follower, bounds, profile, apart=apart) for apart in (True, False)))


def test_nan_that_padding_writes_is_read_as_infinity_by_the_next_op() -> None:
    pad = op("pad", tensor("p", "fp16", 3), x="%x", pad=(1, 1), mode="constant", constant_val=np.float16(np.nan))
    written = program((tensor("x", "fp16", 1),), (pad, op("add", tensor("y", "fp16", 3), x="%p", y="%p")), ("y",))
    assert computed(bind(written, ENGINE), {"x": torch.ones(1)})["y"].tolist() == [math.inf, 2.0, math.inf]


@settings(deadline=None, max_examples=60)
@given(contents, contents, st.sampled_from(["add", "mul", "maximum", "matmul"]), st.sampled_from([TYPED, ENGINE]))
def test_a_step_of_constants_gives_the_bits_of_one_that_runs(
    first: Content, second: Content, name: str, profile: Profile
) -> None:
    x, y = first.array("fp16", (4, 4)), second.array("fp16", (4, 4))
    step = given_as(op(name, tensor("c", "fp16", 4, 4)), x=x, y=y)
    last = op("concat", tensor("z", "fp16", 8, 4), values=["%c", "%x"], axis=np.int32(0), interleave=False)
    folded = program((tensor("x", "fp16", 4, 4),), (step, last), ("z",))
    fed = Op(name, {"x": (Name("x"),), "y": (Name("y"),)}, step.outputs, "c")
    run = program((tensor("x", "fp16", 4, 4), tensor("y", "fp16", 4, 4)), (fed, last), ("z",))
    assert [each.op.type for each in bind(folded, profile).steps] == ["concat"]
    inputs = {key: torch.from_numpy(each.astype(np.float32)) for key, each in (("x", x), ("y", y))}
    found = computed(bind(folded, profile), {"x": inputs["x"]})["z"]
    assert_same_bits(computed(bind(run, profile), inputs)["z"], found)

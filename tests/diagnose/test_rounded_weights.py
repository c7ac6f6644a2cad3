"""What rounding constants to fp16 may do: how far each is moved, whose move counts, and that it is of the true size."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlparity.diagnose.distance import distance
from mlparity.diagnose.moved_weights import moved
from mlparity.diagnose.moved_weights import shares as shares_of
from mlparity.diagnose.rounded_weights import rounding_intervals
from mlparity.engine.numerics import FP32
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan
from tests.engine.runtime.programs import op, program, tensor

RANDOM = np.random.default_rng(0)
WIDE = RANDOM.standard_normal((2, 8, 8)).astype(np.float32) / 3
X = {"x": torch.from_numpy(RANDOM.standard_normal((4, 8)).astype(np.float32))}


def plan_of(*weights: np.ndarray) -> Plan:
    steps = [
        op("linear", tensor(f"y{place + 1}", "fp16", 4, 8), x=f"%y{place}" if place else "%x", weight=each)
        for place, each in enumerate(weights)
    ]
    return bind(program((tensor("x", "fp16", 4, 8),), tuple(steps), (f"y{len(weights)}",)), FP32)


def moved_by_rounding(plan: Plan, seed: int) -> Plan:
    return moved(plan, rounding_intervals(plan), seed)


def outputs(plan: Plan) -> dict[str, torch.Tensor]:
    (found,) = run_plan(plan, X).values()
    assert isinstance(found, torch.Tensor)
    return {"y": found}


def test_numbers_move_by_half_a_place_at_most_and_short_ones_stay() -> None:
    values = np.array([0.1, -3.3, 1.0, 0.5, 6e-8, 0.0, 40000.0], np.float16)
    plan = plan_of(np.tile(values, (8, 2))[:, :8])
    (before,), (after,) = (
        [each for each in p.initial if isinstance(each, torch.Tensor)] for p in (plan, moved_by_rounding(plan, 0))
    )
    moved = (after - before).abs()[:, :7].amax(0).numpy()
    places = np.spacing(np.abs(values)).astype(np.float32)
    assert (moved <= places / 2).all()
    assert moved[[2, 3, 5]].tolist() == [0, 0, 0]
    assert (moved[[0, 1, 4, 6]] > 0).all()


def test_constants_that_fp16_cannot_hold_stay() -> None:
    plan = bind(
        program(
            (tensor("x", "fp32", 4, 8),), (op("linear", tensor("y", "fp32", 4, 8), x="%x", weight=WIDE[0]),), ("y",)
        ),
        FP32,
    )
    assert distance(outputs(plan), outputs(moved_by_rounding(plan, 0))) == 0
    assert shares_of(plan, rounding_intervals(plan), X, {"y": torch.zeros(4, 8)}) == {}


@pytest.mark.parametrize("seed", range(3))
def test_a_drawn_rounding_is_of_the_size_of_the_true_one(seed: int) -> None:
    rounded = plan_of(*WIDE.astype(np.float16))
    exact = bind(
        program(
            (tensor("x", "fp32", 4, 8),),
            (
                op("linear", tensor("y1", "fp32", 4, 8), x="%x", weight=WIDE[0]),
                op("linear", tensor("y2", "fp32", 4, 8), x="%y1", weight=WIDE[1]),
            ),
            ("y2",),
        ),
        FP32,
    )
    true = distance(outputs(rounded), outputs(exact))
    drawn = distance(outputs(moved_by_rounding(rounded, seed)), outputs(rounded))
    assert true / 2 < drawn < true * 2


def test_the_step_whose_constants_matter_most_comes_first() -> None:
    coarse = np.round(WIDE[0] * 4) / 4
    plan = plan_of(coarse.astype(np.float16), WIDE[1].astype(np.float16))
    expected = {"y2": outputs(plan)["y"] + 0.01}
    shares = shares_of(plan, rounding_intervals(plan), X, expected)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert max(shares, key=lambda place: shares[place]) == 1
    assert shares_of(plan, rounding_intervals(plan), X, {"y2": outputs(plan)["y"]}) == {}

"""Hazards are found at the op that has them, with what was seen and how far the limit is, and not elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mlparity.diagnose.hazards import KEPT, find_hazards
from mlparity.diagnose.ranges import Range, Ranges, range_of
from mlparity.engine.mil.program import Op, Program
from mlparity.engine.numerics import FP32
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan
from mlparity.record.causes import Hazard
from tests.engine.runtime.programs import constant, op, program, tensor

X = tensor("x", "fp32", 1, 4)
CAST = op("cast", tensor("c", "fp16", 1, 4), x="%x", dtype="fp16")


def _half(kind: str, name: str, *shape: int, **inputs: object) -> Op:
    return op(kind, tensor(name, "fp16", *(shape or (1, 4))), **inputs)


def _found(written: Program, *samples: list[float]) -> dict[str, Hazard]:
    """Run without rounding on samples of four values, and return the hazards by kind."""
    ranges = Ranges()
    plan = bind(written, FP32)
    for sample in samples:
        run_plan(plan, {"x": torch.tensor([sample])}, ranges)
    return {each.kind: each for each in find_hazards(written.functions["main"], ranges.found, "a.mlpackage")}


def _of(*ops: Op) -> Program:
    return program((X,), (CAST, *ops), (ops[-1].outputs[0].name,))


SMALL = [0.5, -0.5, 1.0, 2.0]


def _linear(size: float) -> Program:
    return _of(_half("linear", "y", x="%c", weight=np.full((4, 4), size, np.float16)))


def test_a_healthy_op_has_no_hazard() -> None:
    assert _found(_linear(1.0), SMALL) == {}


def test_a_sum_that_may_pass_32768_is_told_with_what_was_seen() -> None:
    found = _found(_linear(2000.0), [1.0, 2.0, 2.5, 0.5])["accumulator"]
    assert found.seen == (12_000.0, 12_000.0)
    assert (found.limit, found.processors, found.location) == (32_768.0, ("NE",), "y")
    assert found.margin == pytest.approx(32_768 / 12_000)
    assert "2e+04" in found.sentence, "2.5 times four weights of 2000"


def test_terms_that_cancel_may_pass_32768_on_their_way() -> None:
    weight = np.array([[20_000, 20_000, -20_000, -20_000]] * 4, np.float16)
    found = _found(_of(_half("linear", "y", x="%c", weight=weight)), [1.0, 1.0, 1.0, 1.0])["accumulator"]
    assert found.seen == (0.0, 0.0)
    assert found.margin == math.inf
    assert "8e+04" in found.sentence


def test_values_past_65504_are_seen_as_they_are() -> None:
    found = _found(_of(_half("mul", "y", x="%c", y=np.float16(40_000))), SMALL)["overflow"]
    assert found.seen == (-20_000.0, 80_000.0)
    assert found.margin == pytest.approx(65_504 / 80_000)


@pytest.mark.parametrize(
    ("kind", "hazard", "largest", "tells"),
    [
        ("exp", "exp", 11.0, True),
        ("exp", "exp", 5.0, False),
        ("softplus", "softplus", 10.0, True),
        ("softplus", "softplus", 5.0, False),
        ("sigmoid", "table_end", 9.0, True),
        ("sigmoid", "table_end", 7.0, False),
    ],
)
def test_a_function_is_told_near_its_limit_alone(kind: str, hazard: str, largest: float, tells: bool) -> None:
    found = _found(_of(_half(kind, "y", x="%c")), [0.0, 1.0, 2.0, largest])
    assert (hazard in found) is tells
    if tells:
        assert found[hazard].seen == (0.0, largest)


def test_a_sum_of_exponentials_ends_earlier_the_more_terms_it_has() -> None:
    reduce = _half("reduce_log_sum_exp", "y", 1, 1, x="%c", axes=np.array([1], np.int32), keep_dims=True)
    found = _found(_of(reduce), [0.0, 0.0, 0.0, 9.0])["log_sum_exp"]
    assert found.limit == pytest.approx(math.log(65_504 / 4))


def test_products_that_vanish_are_told() -> None:
    found = _found(_linear(1e-4), [0.5, 0.5, 0.5, 0.5])["small_products"]
    assert found.margin < 1
    assert "relative error" in found.sentence


def test_an_epsilon_below_the_last_place_is_told_where_zero_is_near() -> None:
    root = _half("rsqrt", "y", x="%c", epsilon=np.float32(1e-7))
    assert "epsilon" in _found(_of(root), [0.0, 1.0, 2.0, 3.0])
    assert "epsilon" not in _found(_of(root), [1.0, 1.0, 2.0, 3.0])


def test_an_infinite_mask_is_told_of_the_cpu() -> None:
    mask = np.array([0, 0, -np.inf, -np.inf], np.float16)
    found = _found(_of(_half("add", "y", x="%c", y=mask)), SMALL)["infinite_mask"]
    assert found.processors == ("CPU",)
    assert "infinite_mask" not in _found(
        _of(_half("add", "y", x="%c", y=np.array([0, 0, -4e4, -4e4], np.float16))), SMALL
    )


@pytest.mark.parametrize(("base", "tells"), [(2.0, True), (3.0, False)])
def test_a_power_of_the_constant_two_is_told(base: float, tells: bool) -> None:
    found = _found(_of(_half("pow", "y", x=np.float16(base), y="%c")), SMALL)
    assert ("power_of_two" in found) is tells
    if tells:
        assert found["power_of_two"].seen == (-0.5, 2.0)


def test_a_wide_kernel_is_told_and_silences_what_is_the_engines_alone() -> None:
    weight = op("const", tensor("w", "fp16", 1, 1, 1, 16))
    weight = Op("const", {}, weight.outputs, "w", (), {"val": constant(np.full((1, 1, 1, 16), 3e4, np.float16))})
    conv = op("conv", tensor("y", "fp16", 1, 1, 1, 5), x="%x", weight="%w")
    written = program((tensor("x", "fp16", 1, 1, 1, 20),), (weight, conv), ("y",))
    found = find_hazards(written.functions["main"], {}, "a.mlpackage")
    assert [(each.kind, each.seen, each.limit) for each in found] == [("kernel_width", (16.0, 16.0), 15.0)]


def test_a_hard_swish_after_a_linear_op_of_rank_2_is_told() -> None:
    weight = np.eye(4, dtype=np.float16)
    ops = (
        _half("linear", "l", x="%c", weight=weight),
        _half("add", "a", x="%l", y=np.float16(3)),
        _half("clip", "k", x="%a", alpha=np.float16(0), beta=np.float16(6)),
        _half("mul", "y", x="%l", y="%k"),
    )
    assert _found(_of(*ops), SMALL)["hard_swish"].location == "l"


def test_the_nearest_of_a_kind_are_kept() -> None:
    ops = [_half("exp", f"y{place}", x="%c") for place in range(KEPT + 3)]
    found = _of(*ops)
    ranges = Ranges()
    run_plan(bind(found, FP32), {"x": torch.tensor([[11.0, 0, 0, 0]])}, ranges)
    told = [each for each in find_hazards(found.functions["main"], ranges.found, "a") if each.kind == "exp"]
    assert len(told) == KEPT


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], Range()),
        ([float("nan"), float("inf")], Range()),
        ([float("-inf"), 1.0], Range(1.0, 1.0, 1.0, 1, 1)),
        ([3.0, -4.0], Range(-4.0, 3.0, 25.0, 2, 0)),
    ],
)
def test_a_range_is_of_the_finite_values(values: list[float], expected: Range) -> None:
    found = range_of(torch.tensor(values))
    assert found.squares == pytest.approx(expected.squares)
    assert replace(found, squares=expected.squares) == expected
    assert expected.merged(Range()) == expected
    assert expected.largest == max((abs(each) for each in values if math.isfinite(each)), default=0.0)

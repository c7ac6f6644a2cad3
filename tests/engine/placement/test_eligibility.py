from __future__ import annotations

import csv
from importlib.resources import files

import numpy as np
import pytest

from mlparity.engine.mil.program import Op
from mlparity.engine.ops.registry import definitions
from mlparity.engine.placement.eligibility import eligibility
from mlparity.engine.placement.gates import GENERATIONS, gates, limits
from tests.engine.runtime.programs import op, program, tensor

X = tensor("x", "fp16", 1, 4, 8, 8)


def _asked(*ops: Op, chip: str = "M4", x: object = X) -> list[tuple[bool, str]]:
    found = eligibility(program((x,), ops, ("y",)).functions["main"], chip)
    return [(each.eligible, each.reason) for each in found]


def _conv(height: int, width: int) -> Op:
    return op("conv", tensor("y", "fp16", 1, 4, 8, 8), x="%x", weight=np.zeros((4, 4, height, width), np.float16))


def test_an_fp16_convolution_is_eligible_and_the_same_in_fp32_is_not() -> None:
    assert _asked(_conv(3, 3)) == [(True, "")]
    wide = op("relu", tensor("y", "fp32", 1, 4, 8, 8), x="%x")
    ((eligible, reason),) = _asked(wide, x=tensor("x", "fp32", 1, 4, 8, 8))
    assert not eligible
    assert "fp32-typed" in reason


def test_a_number_typed_fp32_that_steers_an_op_does_not_bar_it() -> None:
    leaky = op("leaky_relu", tensor("y", "fp16", 1, 4, 8, 8), x="%x", alpha=np.float32(0.1))
    assert _asked(leaky) == [(True, "")]


def test_a_kernel_wider_than_15_keeps_the_whole_model_off_the_engine_and_a_high_one_does_not() -> None:
    relu = op("relu", tensor("z", "fp16", 1, 4, 8, 8), x="%y")
    assert [eligible for eligible, _ in _asked(_conv(512, 1), relu)] == [True, True]
    refused = _asked(_conv(1, 16), relu)
    assert [eligible for eligible, _ in refused] == [False, False]
    assert all("16 wide" in reason for _, reason in refused)


def test_an_op_may_need_a_later_chip() -> None:
    sine = op("sin", tensor("y", "fp16", 1, 4, 8, 8), x="%x")
    ((early, reason),) = _asked(sine, chip="M1")
    assert (early, "later chips" in reason) == (False, True)
    assert _asked(sine, chip="M3") == [(True, "")]


@pytest.mark.parametrize(("chip", "expected"), [("M1", False), ("M4", True)])
def test_an_axis_may_be_longer_on_later_chips(chip: str, expected: bool) -> None:
    long = tensor("x", "fp16", 1, 1, 1, 20_000)
    assert _asked(op("relu", tensor("y", "fp16", 1, 1, 1, 20_000), x="%x"), chip=chip, x=long)[0][0] is expected


def test_a_rank_above_five_is_refused() -> None:
    six = (1, 1, 1, 1, 2, 2)
    ((eligible, reason),) = _asked(op("relu", tensor("y", "fp16", *six), x="%x"), x=tensor("x", "fp16", *six))
    assert not eligible
    assert "rank 6" in reason


def test_an_op_without_floats_is_neutral() -> None:
    (found,) = eligibility(
        program(
            (tensor("x", "int32", 3),), (op("add", tensor("y", "int32", 3), x="%x", y=np.int32([1, 2, 3])),), ("y",)
        ).functions["main"],
        "M4",
    )
    assert (found.eligible, found.neutral) == (False, True)


def test_an_op_without_results_is_left_out() -> None:
    write = Op("write_state", {}, (), "w")
    assert _asked(write, op("relu", tensor("y", "fp16", 1, 4, 8, 8), x="%x")) == [(True, "")]


def test_every_row_of_the_tables_has_its_source_and_every_op_of_the_engine_a_row() -> None:
    assert {each.name for each in definitions()} <= set(gates())
    for name in ("gates.csv", "limits.csv"):
        with files("mlparity.engine.placement").joinpath(name).open(encoding="utf-8") as file:
            assert all("@" in row["evidence"] for row in csv.DictReader(file))
    assert all(set(limit.most) == set(GENERATIONS.values()) for limit in limits().values())


def test_ops_that_two_sources_dispute_are_not_placed() -> None:
    assert gates()["cumsum"].alone == "none"
    ((eligible, reason),) = _asked(op("cumsum", tensor("y", "fp16", 1, 4, 8, 8), x="%x", axis=1))
    assert not eligible
    assert "disagree" in reason

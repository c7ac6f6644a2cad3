from __future__ import annotations

import csv
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from mlparity.engine.mil.program import NamedType, Op, TensorType
from mlparity.engine.numerics import CHIPS
from mlparity.engine.ops.registry import definitions
from mlparity.engine.placement.eligibility import eligibility
from mlparity.engine.placement.gates import GENERATIONS, Gate, gates, generation_of, limits
from tests.engine.runtime.programs import op, program, tensor

X = tensor("x", "fp16", 1, 4, 8, 8)


def _asked(*ops: Op, chip: str = "M4", x: NamedType = X) -> list[tuple[bool, str]]:
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
            (tensor("x", "int32", 3),),
            (op("add", tensor("y", "int32", 3), x="%x", y=np.array([1, 2, 3], np.int32)),),
            ("y",),
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


@pytest.mark.parametrize(
    ("chip", "shape", "eligible"),
    [
        # Ranks: five fit.
        ("M4", (1, 1, 1, 2, 2), True),
        ("M4", (1, 1, 1, 1, 2, 2), False),
        # Height and width: 16,384 fit on all chips, 65,536 on M4. The unit below and above is asked for each.
        ("M1", (1, 1, 16_384, 1), True),
        ("M1", (1, 1, 16_385, 1), False),
        ("M3", (1, 1, 1, 16_384), True),
        ("M3", (1, 1, 1, 16_385), False),
        ("M4", (1, 1, 1, 65_536), True),
        ("M4", (1, 1, 1, 65_537), False),
        # A tensor of rank 3 has its width last; channels, and both axes of a matrix, have no such limit.
        ("M4", (1, 1, 65_537), False),
        ("M4", (1, 65_537, 1, 1), True),
        ("M4", (1, 65_537), True),
        # An axis whose size is not known is not counted.
        ("M4", (1, 1, None, 8), True),
        ("M4", (1, 1, None, 65_537), False),
    ],
)
def test_the_largest_tensor_that_fits(chip: str, shape: tuple[int | None, ...], eligible: bool) -> None:
    relu = op("relu", tensor("y", "fp16", *shape), x="%x")
    ((found, reason),) = _asked(relu, chip=chip, x=tensor("x", "fp16", *shape))
    assert (found, reason == "") == (eligible, eligible)


def test_an_axis_of_the_result_alone_is_counted() -> None:
    tall = op("upsample_nearest_neighbor", tensor("y", "fp16", 1, 4, 65_537, 8), x="%x", scale_factor_height=8193.0)
    ((eligible, reason),) = _asked(tall)
    assert not eligible
    assert "an axis of 65537" in reason


@pytest.mark.parametrize(
    ("kind", "kernel", "eligible"),
    [
        ("conv", (4, 4, 3, 15), True),
        ("conv", (4, 4, 3, 16), False),
        ("conv_transpose", (4, 4, 3, 16), False),
        ("conv", (4, 4, 15), True),
        ("conv", (4, 4, 16), False),  # of one dimension
        ("conv", (4, 4, 3, 3, 16), False),  # of three
        # What is no convolution has no kernel, however wide its weight is, and a weight is no image.
        ("linear", (4, 4, 3, 16), True),
        ("linear", (4, 16), True),
        ("conv", (4, 4, 65_537, 3), True),
    ],
)
def test_the_widest_kernel_that_fits(kind: str, kernel: tuple[int, ...], eligible: bool) -> None:
    layer = op(kind, tensor("y", "fp16", 1, 4, 8, 8), x="%x", weight=np.zeros(kernel, np.float16))
    assert _asked(layer)[0][0] is eligible


@pytest.mark.parametrize(
    ("inner", "result", "reason"),
    [
        ("fp16", "fp16", ""),
        ("fp32", "fp16", "fp32-typed"),
        ("fp16", "fp32", "fp32-typed"),
        ("int32", "int32", "no floating values (int32)"),
        ("int32", "fp16", ""),
        ("fp16", "int32", ""),
    ],
)
def test_one_tensor_of_another_type_decides(inner: str, result: str, reason: str) -> None:
    relu = op("relu", tensor("y", result, 1, 4, 8, 8), x="%x")
    ((eligible, found),) = _asked(relu, x=tensor("x", inner, 1, 4, 8, 8))
    assert (eligible, reason in found) == (not reason, True)


def test_a_scalar_result_in_fp32_is_refused_where_a_scalar_input_is_not() -> None:
    whole = op("reduce_max", tensor("y", "fp32"), x="%x")
    ((eligible, reason),) = _asked(whole)
    assert not eligible
    assert "fp32-typed" in reason


@pytest.mark.parametrize(("kind", "is_left_out"), [("const", True), ("constexpr_lut_to_dense", True), ("relu", False)])
def test_weights_are_no_work(kind: str, is_left_out: bool) -> None:
    assert (_asked(op(kind, tensor("y", "fp16", 1, 4, 8, 8), x="%x")) == []) is is_left_out


@pytest.mark.parametrize(
    ("kind", "chip", "reason"),
    [
        ("acos", "M4", "the engine has no acos"),
        ("of_another_world", "M4", "nothing is known of of_another_world"),
        ("affine", "M1", "affine runs on the engine of later chips only"),
        ("affine", "M2", ""),
        ("affine", "M6", ""),  # in M4's column
        ("cumsum", "M4", "sources disagree on cumsum"),
    ],
)
def test_what_the_table_of_ops_says(kind: str, chip: str, reason: str) -> None:
    assert _asked(op(kind, tensor("y", "fp16", 1, 4, 8, 8), x="%x"), chip=chip)[0][1] == reason


@pytest.mark.parametrize(
    ("ways", "alone", "eligible"),
    [
        # Native where the chip is, whatever became of it alone, unless it did not run.
        ({"M4": "native"}, "runs", True),
        ({"M4": "native"}, "", True),
        ({"M4": "native"}, "none", False),
        # Not native: it runs where it ran alone, if no generation's way is more open.
        ({"M4": "bridge", "M3": "gated"}, "runs", True),
        ({"M4": "bridge"}, "", False),
        ({"M4": "gated", "M3": "bridge"}, "runs", False),
        ({"M4": "none", "M3": "gated"}, "runs", False),
        ({"M4": "none"}, "none", False),
        ({"M4": ""}, "none", False),
        ({"M4": "none"}, "runs", True),
    ],
)
def test_an_op_runs_where_its_way_is_open(
    monkeypatch: pytest.MonkeyPatch, ways: dict[str, str], alone: str, eligible: bool
) -> None:
    closed = min(_FROM_CLOSED.index(way) for way in ways.values())
    table = {each: ways.get(each, _FROM_CLOSED[closed]) for each in dict.fromkeys(GENERATIONS.values())}
    monkeypatch.setattr("mlparity.engine.placement.eligibility.gates", lambda: {"relu": Gate("relu", table, alone, "")})
    assert _asked(op("relu", tensor("y", "fp16", 1, 4, 8, 8), x="%x"))[0][0] is eligible


_FROM_CLOSED = ("none", "", "gated", "bridge", "native")


def test_every_chip_has_a_column_and_an_unknown_one_that_of_another() -> None:
    assert {chip: generation_of(chip) for chip in GENERATIONS} == dict(GENERATIONS)
    assert all(generation_of(chip) in GENERATIONS.values() for chip in CHIPS)


def test_what_is_not_known_of_a_tensor_bars_no_op() -> None:
    unknown = tensor("x", "fp16", 1, 4, 8, 8)
    unknown = replace(unknown, type=TensorType("fp16", None))
    result = replace(unknown, name="y")
    weight = replace(unknown, name="w")
    assert _asked(op("relu", result, x="%x"), x=unknown) == [(True, "")]
    function = program((X, weight), (op("conv", result, x="%x", weight="%w"),), ("y",)).functions["main"]
    assert [each.eligible for each in eligibility(function, "M4")] == [True]
    # A name from elsewhere, whose type is not known here.
    assert _asked(op("add", tensor("y", "fp16", 1, 4, 8, 8), x="%x", y="%elsewhere")) == [(True, "")]

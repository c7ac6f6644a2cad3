"""Costs of ops by hand, and the order that a roofline gives."""

from __future__ import annotations

import csv
from importlib.resources import files

import numpy as np
import pytest

from mlparity.engine.mil.program import Function, NamedType, Op
from mlparity.engine.placement.costs import costs_of
from mlparity.engine.placement.roofline import GENERATION_OF, roofline, work_of
from mlparity.engine.placement.throughput import throughput
from tests.engine.runtime.programs import op, program, tensor

X = tensor("x", "fp16", 1, 4, 8, 8)


def function(*ops: Op, x: NamedType = X) -> Function:
    return program((x,), ops, (ops[-1].outputs[0].name,)).functions["main"]


def half(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float16)


@pytest.mark.parametrize(
    ("asked", "flops", "moved"),
    [
        # Each of 6 x 6 x 16 results takes 4 x 3 x 3 products and as many sums.
        (
            op("conv", tensor("y", "fp16", 1, 16, 6, 6), x="%x", weight=half(16, 4, 3, 3)),
            2 * 36 * 16 * 36,
            2 * (256 + 576 + 576),
        ),
        # Depthwise: one input channel for each result.
        (
            op("conv", tensor("y", "fp16", 1, 4, 6, 6), x="%x", weight=half(4, 1, 3, 3)),
            2 * 36 * 4 * 9,
            2 * (256 + 36 + 144),
        ),
        (
            op("conv_transpose", tensor("y", "fp16", 1, 2, 10, 10), x="%x", weight=half(4, 2, 3, 3)),
            2 * 256 * 18,
            2 * (256 + 72 + 200),
        ),
        (
            op("linear", tensor("y", "fp16", 1, 4, 8, 5), x="%x", weight=half(5, 8)),
            2 * 160 * 8,
            2 * (256 + 40 + 160),
        ),
        (
            op("matmul", tensor("y", "fp16", 1, 4, 8, 3), x="%x", y=half(8, 3)),
            2 * 96 * 8,
            2 * (256 + 24 + 96),
        ),
        (op("relu", tensor("y", "fp16", 1, 4, 8, 8), x="%x"), 256, 2 * 512),
        (op("cast", tensor("y", "fp32", 1, 4, 8, 8), x="%x"), 256, 2 * 256 + 4 * 256),
    ],
    ids=lambda value: value.type if isinstance(value, Op) else "",
)
def test_the_cost_of_an_op_by_hand(asked: Op, flops: int, moved: int) -> None:
    costs = costs_of(function(asked))
    assert costs is not None
    (cost,) = costs
    assert (cost.flops, cost.bytes) == (flops, moved)


def test_an_unknown_shape_has_no_cost() -> None:
    flexible = tensor("x", "fp16", None, 4)
    asked = function(op("relu", tensor("y", "fp16", None, 4), x="%x"), x=flexible)
    assert costs_of(asked) is None
    assert work_of(asked) is None
    assert roofline(asked, "ALL", "M5") is None


def test_the_time_is_that_of_the_slower_rate() -> None:
    asked = function(op("relu", tensor("y", "fp16", 1, 4, 8, 8), x="%x"))
    cpu = throughput()["M5"]["cpu"]
    assert roofline(asked, "CPU_ONLY", "M5") == pytest.approx(1024 / (cpu.gbps * 1e9))


def _network(side: int, channels: int, dtype: str) -> Function:
    x = tensor("x", dtype, 1, channels, side, side)
    weight = np.zeros((channels, channels, 3, 3), np.float16 if dtype == "fp16" else np.float32)
    ops = [
        op(
            "conv",
            tensor(f"y{n}", dtype, 1, channels, side, side),
            x=f"%{'x' if n == 0 else f'y{n - 1}'}",
            weight=weight,
        )
        for n in range(12)
    ]
    return function(*ops, x=x)


@pytest.mark.parametrize("chip", throughput())
def test_a_small_network_stays_on_the_cpu_and_a_large_one_does_not(chip: str) -> None:
    small, large = _network(8, 8, "fp16"), _network(64, 256, "fp16")
    assert roofline(small, "ALL", chip) == roofline(small, "CPU_ONLY", chip)
    times = {unit: roofline(large, unit, chip) for unit in ("CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL")}
    assert (times["CPU_AND_NE"] or 0) < (times["CPU_ONLY"] or 0) / 2
    assert times["ALL"] == min(times["CPU_AND_NE"] or 0, times["CPU_AND_GPU"] or 0)


def test_fp32_does_not_use_the_engine() -> None:
    wide = _network(64, 256, "fp32")
    assert roofline(wide, "CPU_AND_NE", "M5") == roofline(wide, "CPU_ONLY", "M5")


def test_every_row_has_evidence_and_every_chip_three_processors() -> None:
    with files("mlparity.engine.placement").joinpath("throughput.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert all("measured" in row["confidence"] and ":" in row["evidence"] for row in rows)
    assert all(set(roofs) == {"cpu", "gpu", "ane"} for roofs in throughput().values())
    assert set(GENERATION_OF) == set(throughput())

"""Calls of MIL's matrix products."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import f32, integers, normal
from tests.cases.case import Case

RANK_4 = [normal(2, 3, 4, 5), normal(2, 5, 4, 6, seed=1)]
RANK_3 = [normal(3, 4, 5), normal(5, 4, 6, seed=1)]


def product(*x: int, y: tuple[int, ...], **flags: bool) -> dict[str, object]:
    """Return the inputs of a `matmul` of these shapes."""
    return {"x": normal(*x), "y": normal(*y, seed=1), **flags}


CASES = (
    Case("linear", {"x": normal(4, 8), "weight": normal(5, 8, seed=1), "bias": normal(5, seed=2)}),
    Case("linear", {"x": normal(4, 8), "weight": normal(5, 8, seed=1)}, note="no bias"),
    Case("linear", {"x": normal(8), "weight": normal(5, 8, seed=1), "bias": normal(5, seed=2)}, note="vector"),
    Case("linear", {"x": normal(2, 3, 8), "weight": normal(5, 8, seed=1), "bias": normal(5, seed=2)}, note="rank 3"),
    Case("linear", {"x": normal(0, 8), "weight": normal(5, 8, seed=1)}, note="empty"),
    Case("linear", {"x": normal(2, 0), "weight": normal(5, 0), "bias": normal(5)}, note="nothing to sum"),
    Case("linear", {"x": f32([1e4, -1e4, 1.0]), "weight": f32([[1.0, 1.0, 1.0]])}, note="cancels"),
    Case("linear", {"x": f32([np.inf, 1.0]), "weight": f32([[0.0, 1.0], [1.0, np.nan]])}, note="special"),
    Case("linear", {"x": f32([300.0, 300.0]), "weight": f32([[300.0, 300.0]])}, note="overflows fp16"),
    Case("linear", {"x": integers(4, 8), "weight": integers(5, 8, seed=1), "bias": integers(5)}, note="integers"),
    Case("linear", {"x": normal(4, 8), "weight": normal(5, 8, seed=1), "bias": normal(5, seed=2)}, opset=17),
    Case(
        "linear",
        {"x": normal(4, 8), "weight": integers(5, 8, seed=1), "bias": integers(5)},
        opset=17,
        note="weights of integers",
    ),
    Case("linear", {"x": normal(4, 7), "weight": normal(5, 8)}, raises=RuntimeError),
    Case("linear", {"x": normal(4, 8), "weight": normal(5, 8), "bias": normal(4)}, raises=RuntimeError),
    Case("matmul", product(3, 4, y=(4, 5))),
    Case("matmul", product(4, 3, y=(4, 5), transpose_x=True), note="transpose_x"),
    Case("matmul", product(3, 4, y=(5, 4), transpose_y=True), note="transpose_y"),
    Case("matmul", product(4, 3, y=(5, 4), transpose_x=True, transpose_y=True), note="both transposed"),
    Case("matmul", product(10, 4, 3, y=(2, 10, 3, 5)), note="broadcast"),
    Case("matmul", product(2, 1, 4, 3, y=(1, 5, 6, 3), transpose_y=True), note="broadcast transposed"),
    Case("matmul", product(4, y=(4,)), note="vectors"),
    Case("matmul", product(4, y=(4,), transpose_x=True, transpose_y=True), note="vectors transposed"),
    Case("matmul", product(4, y=(2, 4, 3)), note="vector left"),
    Case("matmul", product(2, 3, 4, y=(4,)), note="vector right"),
    Case("matmul", product(0, 4, y=(4, 5)), note="empty"),
    Case("matmul", product(3, 0, y=(0, 5)), note="nothing to sum"),
    # One rounding for each of 2000 products and partial sums, in units of the sum of absolute terms.
    Case("matmul", product(2, 2000, y=(2000, 3)), note="long"),
    Case("matmul", {"x": integers(3, 4), "y": integers(4, 5, seed=1)}, note="integers"),
    Case("matmul", product(3, 4, y=(4, 5)), opset=17),
    Case("matmul", {"x": normal(3, 4), "y": integers(4, 5, seed=1)}, opset=17, note="integers right"),
    Case("matmul", {"x": integers(3, 4), "y": normal(4, 5, seed=1)}, opset=17, note="integers left"),
    Case("matmul", product(3, 4, y=(3, 4)), raises=RuntimeError),
    Case("einsum", {"values": RANK_4, "equation": "nchw,nwhu->nchu"}),
    Case("einsum", {"values": RANK_4, "equation": "abcd,adce->abce"}, note="other letters"),
    Case("einsum", {"values": RANK_3, "equation": "chw,whr->chr"}),
    Case(
        "einsum", {"values": [normal(1, 3, 1, 5), normal(2, 5, 4, 6)], "equation": "nchw,nwhu->nchu"}, note="broadcast"
    ),
    Case("einsum", {"values": [normal(3, 0, 5), normal(5, 0, 6)], "equation": "chw,whr->chr"}, note="empty"),
    Case("einsum", {"values": [normal(3, 4, 5), normal(6, 4, 6)], "equation": "chw,whr->chr"}, raises=RuntimeError),
)

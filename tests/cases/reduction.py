"""Calls of MIL's reductions."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import SCALAR, SPECIAL, f32, i32, integers, normal, uniform
from tests.cases.case import Case

SUMS = (
    "reduce_l1_norm",
    "reduce_l2_norm",
    "reduce_log_sum_exp",
    "reduce_mean",
    "reduce_prod",
    "reduce_sum",
    "reduce_sum_square",
)
ANY_SIGN = (*SUMS, "reduce_max", "reduce_min")
EVERY = (*ANY_SIGN, "reduce_log_sum")
PLACES = ("reduce_argmax", "reduce_argmin")

# A product of n factors rounds n - 1 times, half a unit each.
BOUNDS = {"reduce_prod": 12}


def x_of(op: str, *shape: int) -> np.ndarray:
    """Return an input: above zero where a logarithm is taken."""
    return uniform(*shape, low=0.1) if op == "reduce_log_sum" else normal(*shape)


def both(op: str, *shape: int, note: str, **more: object) -> Case:
    """Return a case with the bounds of its op."""
    return Case(op, {"x": x_of(op, *shape), **more}, BOUNDS.get(op, 2), note=note)


ROWS = np.stack([SPECIAL, np.flip(SPECIAL), np.ones_like(SPECIAL)])
FINITE_ROW = f32(0.0, -0.0, 0.0)

CASES = (
    *(both(op, 2, 3, 4, note="all axes") for op in EVERY),
    *(both(op, 2, 3, 4, note="all kept", keep_dims=True) for op in EVERY),
    *(both(op, 2, 3, 4, note="axis 0", axes=(0,)) for op in EVERY),
    *(both(op, 2, 3, 4, note="two axes", axes=(0, -1), keep_dims=True) for op in EVERY),
    *(both(op, 2, 3, 4, note="order", axes=(-1, 1)) for op in EVERY),
    *(both(op, 2, 3, note="no axis", axes=()) for op in EVERY),
    *(both(op, note="scalar") for op in EVERY),
    *(both(op, 0, 3, note="empty rows", axes=(1,)) for op in EVERY),
    *(Case(op, {"x": ROWS, "axes": (1,)}, note="special") for op in ANY_SIGN),
    *(Case(op, {"x": f32(np.inf, 1.0)}, note="infinite") for op in EVERY),
    *(Case(op, {"x": f32(1.0, np.nan)}, note="nan") for op in EVERY),
    *(Case(op, {"x": FINITE_ROW}, note="zeros") for op in ANY_SIGN if op != "reduce_log_sum_exp"),
    *(Case(op, {"x": normal(2, 3), "axes": (2,)}, raises=IndexError) for op in EVERY),
    *(Case(op, {"x": integers(3, 4), "axes": (1,)}, note="integers") for op in ANY_SIGN if "exp" not in op),
    *(
        Case(op, {"x": normal(0), "axes": (0,)}, note="nothing to sum")
        for op in ("reduce_sum", "reduce_prod", "reduce_mean")
    ),
    *(Case(op, {"x": normal(0)}, raises=IndexError) for op in ("reduce_max", "reduce_min")),
    Case("reduce_sum", {"x": i32(2**31 - 1, 0, -5)}, note="near the end"),
    Case("reduce_sum", {"x": normal(3, 5000), "axes": (1,)}, note="long"),
    Case("reduce_mean", {"x": np.full((2, 4096), 60000.0, np.float32), "axes": (-1,)}, note="its sum overflows fp16"),
    Case("reduce_log_sum", {"x": f32(0.0, 0.0)}, note="log of zero"),
    Case("reduce_log_sum", {"x": f32(-1.0, 0.5)}, note="log of less"),
    Case("reduce_log_sum", {"x": f32(1.0, 0.25, -0.25)}, note="cancels"),
    Case("reduce_log_sum_exp", {"x": f32(1000.0, 1000.0, -1000.0)}, note="no overflow"),
    Case("reduce_log_sum_exp", {"x": f32(-np.inf, -np.inf)}, note="nothing"),
    *(Case(op, {"x": normal(3, 4)}) for op in PLACES),
    *(Case(op, {"x": normal(3, 4), "axis": 0}, note="axis 0") for op in PLACES),
    *(Case(op, {"x": normal(2, 3, 4), "axis": -2, "keep_dims": True}, note="kept") for op in PLACES),
    *(Case(op, {"x": integers(3, 9, low=0, high=3)}, note="ties") for op in PLACES),
    *(Case(op, {"x": f32(1.0, np.nan, np.inf, -np.inf, np.nan)}, note="nan") for op in PLACES),
    *(Case(op, {"x": normal(0, 3)}, note="empty") for op in PLACES),
    *(Case(op, {"x": normal(3, 4)}, opset=17) for op in PLACES),
    *(Case(op, {"x": normal(3, 4), "output_dtype": "uint16"}, opset=17, note="uint16") for op in PLACES),
    *(Case(op, {"x": normal(3), "output_dtype": "int8"}, opset=17, raises=ValueError) for op in PLACES),
    *(Case(op, {"x": normal(3, 4), "axis": 2}, raises=IndexError) for op in PLACES),
    *(Case(op, {"x": SCALAR}, note="scalar") for op in PLACES),
)

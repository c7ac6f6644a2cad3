"""Calls of MIL's element-wise functions of two tensors."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import EMPTY, SCALAR, SPECIAL, booleans, f32, i32, integers, normal, uniform
from tests.cases.case import Case

COMPARISONS = ("equal", "greater", "greater_equal", "less", "less_equal", "not_equal")
NUMERIC = ("add", "floor_div", "maximum", "minimum", "mod", "mul", "real_div", "sub", *COMPARISONS)
LOGICAL = ("logical_and", "logical_or", "logical_xor")

LEFT, RIGHT = (each.ravel() for each in np.meshgrid(SPECIAL, SPECIAL))
SIGNED = {"x": i32(7, -7, 7, -7, 0, 6, -6, 5, 0), "y": i32(2, 2, -2, -2, 3, -3, 3, 0, 0)}
LEAST = {"x": np.full(9, -(2**31), np.int32), "y": np.full(9, -1, np.int32)}

CASES = (
    *(Case(op, {"x": normal(3, 4), "y": normal(3, 4, seed=1)}) for op in NUMERIC),
    *(Case(op, {"x": normal(2, 1, 4), "y": normal(3, 1, seed=1)}, note="broadcast") for op in NUMERIC),
    *(Case(op, {"x": LEFT, "y": RIGHT}, note="special") for op in NUMERIC),
    *(Case(op, {"x": SCALAR, "y": f32(0.3)}, note="scalars") for op in NUMERIC),
    *(Case(op, {"x": EMPTY, "y": SCALAR}, note="empty") for op in NUMERIC),
    *(Case(op, {"x": integers(3, 4), "y": integers(3, 4, seed=1)}, note="integers") for op in NUMERIC),
    *(Case(op, {"x": normal(2, 3), "y": normal(2, 4)}, raises=RuntimeError) for op in NUMERIC),
    *(Case(op, {"x": booleans(3, 4), "y": booleans(3, 4, seed=1)}) for op in LOGICAL),
    *(Case(op, {"x": booleans(2, 1), "y": booleans(3, seed=1)}, note="broadcast") for op in LOGICAL),
    *(Case(op, SIGNED, note="signs and zeros") for op in ("floor_div", "mod", "real_div")),
    # The quotient 2^31 does not fit; it wraps around.
    Case("mod", LEAST, note="least integer"),
    Case("floor_div", {"x": f32(1.0, -1.0, 0.3, 7.5), "y": f32(0.1, 0.1, 0.1, -2.0)}, note="almost whole"),
    Case("add", {"x": i32(2**31 - 2), "y": i32(1)}, note="greatest integer"),
    Case("add", {"x": f32(60000.0, -3e38), "y": f32(60000.0, -3e38)}, note="overflow"),
    Case("mul", {"x": f32(300.0, 1e30, 1e-30), "y": f32(300.0, 1e30, 1e-30)}, note="overflow"),
    Case("pow", {"x": uniform(3, 4, low=0.1, high=3), "y": normal(3, 4, seed=1)}),
    Case("pow", {"x": uniform(2, 1, low=0.1, high=3), "y": normal(3, seed=1)}, note="broadcast"),
    *(Case("pow", {"x": normal(3, 4), "y": f32(y)}, note=f"to the {y}") for y in (2.0, 3.0, -1.0, 0.0)),
    *(Case("pow", {"x": uniform(3, 4, low=0.1), "y": f32(y)}, note=f"to the {y}") for y in (0.5, -0.5, 0.3)),
    Case("pow", {"x": LEFT, "y": RIGHT}, note="special"),
    Case("pow", {"x": i32(2, -2, 1, -1, 3, 5), "y": i32(10, 3, 7, 5, 0, 2)}, note="integers"),
    Case("pow", {"x": EMPTY, "y": f32(2.0)}, note="empty"),
)

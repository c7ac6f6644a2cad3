"""Calls of MIL's element-wise functions of one tensor."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import EMPTY, SCALAR, SPECIAL, booleans, f32, i32, integers, normal, uniform
from tests.cases.case import Case

ANYWHERE = ("abs", "atan", "ceil", "erf", "exp", "exp2", "floor", "round", "sign", "sinh", "cosh", "square", "tanh")
PERIODIC = ("cos", "sin", "tan")
WITHIN_ONE = ("acos", "asin", "atanh")
POSITIVE = ("inverse", "log", "rsqrt", "sqrt")
WITH_INTEGERS = ("abs", "sign", "square")

HALVES = f32(-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5)
ENDS = f32(-np.inf, -3e9, -2147483648.0, -40000.0, -129.5, -1.9, -0.0, 0.9, 127.9, 256.0, 70000.0, 3e9, np.inf, np.nan)
WIDE = i32(-(2**31), -32769, -129, -1, 0, 1, 127, 128, 255, 256, 65535, 65536, 2**31 - 1)
NAMES = ("int8", "uint8", "int16", "uint16", "int32", "bool", "fp16", "fp32")

CASES = (
    *(Case(op, {"x": normal(3, 4, scale=2)}) for op in (*ANYWHERE, *PERIODIC)),
    *(Case(op, {"x": SPECIAL}, note="special") for op in (*ANYWHERE, *PERIODIC)),
    *(Case(op, {"x": uniform(3, 4, low=-0.99, high=0.99)}) for op in WITHIN_ONE),
    *(Case(op, {"x": f32(-1.0, 1.0, 0.0, 1.5, np.nan, 1e-3)}, note="ends") for op in WITHIN_ONE),
    *(Case(op, {"x": uniform(3, 4, low=0.01, high=9)}) for op in POSITIVE),
    *(Case(op, {"x": SPECIAL}, note="special") for op in POSITIVE),
    *(Case(op, {"x": SCALAR}, note="scalar") for op in (*ANYWHERE, *PERIODIC, *WITHIN_ONE, *POSITIVE)),
    *(Case(op, {"x": EMPTY}, note="empty") for op in (*ANYWHERE, *PERIODIC, *WITHIN_ONE, *POSITIVE)),
    *(Case(op, {"x": integers(2, 5)}, note="integers") for op in WITH_INTEGERS),
    Case("exp2", {"x": i32(-3, -1, 0, 1, 10, 30)}, note="integers"),
    Case("exp", {"x": f32(-87.0, -10.0, 10.0, 80.0, 89.0, -110.0)}, note="range"),
    Case("cos", {"x": f32(1000.0, -50000.0, 3.1415927)}, note="large"),
    Case("sin", {"x": f32(1000.0, -50000.0, 3.1415927)}, note="large"),
    Case("round", {"x": HALVES}, note="halves"),
    Case("inverse", {"x": f32(0.0, -0.0), "epsilon": 0.0}, note="no epsilon"),
    Case("inverse", {"x": normal(4), "epsilon": 0.25}, opset=17),
    Case("log", {"x": f32(0.0, 1.0, 2.0), "epsilon": 0.0}, note="no epsilon"),
    Case("log", {"x": uniform(4), "epsilon": 0.5}, opset=17),
    Case("rsqrt", {"x": f32(0.0, 1.0, 4.0), "epsilon": 0.0}, note="no epsilon"),
    Case("rsqrt", {"x": uniform(4), "epsilon": 0.5}, opset=17),
    Case("clip", {"x": normal(3, 4), "alpha": -0.5, "beta": 0.25}),
    Case("clip", {"x": SPECIAL, "alpha": 0.0, "beta": 6.0}, note="special"),
    Case("clip", {"x": normal(5), "alpha": 1.0, "beta": -1.0}, note="crossed"),
    Case("clip", {"x": SCALAR, "alpha": 0.0, "beta": 0.5}, note="scalar"),
    Case("clip", {"x": EMPTY, "alpha": 0.0, "beta": 0.5}, note="empty"),
    Case("clip", {"x": normal(3, 4), "alpha": -0.5, "beta": 0.25}, opset=17),
    Case("clip", {"x": normal(3), "alpha": 1.0, "beta": 1.0}, opset=17, raises=ValueError),
    Case("threshold", {"x": normal(3, 4), "alpha": 0.25}),
    Case("threshold", {"x": SPECIAL, "alpha": 0.0}, note="special"),
    Case("threshold", {"x": integers(2, 5), "alpha": -2}, note="integers"),
    Case("logical_not", {"x": booleans(3, 4)}),
    Case("logical_not", {"x": np.zeros((), np.bool_)}, note="scalar"),
    *(Case("cast", {"x": ENDS, "dtype": name}, note=name) for name in ("int8", "uint8", "int16", "uint16")),
    *(Case("cast", {"x": WIDE, "dtype": name}, note=name) for name in ("int8", "uint8", "int16", "uint16", "int32")),
    *(Case("cast", {"x": ENDS, "dtype": name}, note=name) for name in ("int32", "bool", "fp16", "fp32")),
    *(
        Case("cast", {"x": booleans(6), "dtype": name}, note=name)
        for name in ("int32", "uint16", "bool", "fp16", "fp32")
    ),
    *(
        Case("cast", {"x": np.array([-128, -1, 0, 127], np.int8), "dtype": name}, note=f"int8 to {name}")
        for name in NAMES
    ),
    *(
        Case("cast", {"x": np.array([0, 1, 127, 255], np.uint8), "dtype": name}, note=f"uint8 to {name}")
        for name in NAMES
    ),
    Case("cast", {"x": integers(6), "dtype": "fp32"}, note="integers"),
    Case("cast", {"x": integers(6), "dtype": "bool"}, note="integers"),
    Case("cast", {"x": f32(-1.5), "dtype": "int32"}, note="scalar"),
    Case("cast", {"x": EMPTY, "dtype": "int32"}, note="empty"),
    Case("cast", {"x": normal(3), "dtype": "complex64"}, raises=ValueError),
)

"""Calls of MIL's activation functions."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import EMPTY, SCALAR, SPECIAL, f32, normal, uniform
from tests.cases.case import Case

PLAIN: dict[str, dict[str, object]] = {
    "clamped_relu": {"alpha": 0.25, "beta": 1.5},
    "elu": {"alpha": 0.5},
    "gelu": {},
    "leaky_relu": {"alpha": 0.125},
    "linear_activation": {"alpha": -2.0, "beta": 0.5},
    "relu": {},
    "relu6": {},
    "scaled_tanh": {"alpha": 1.75, "beta": 0.625},
    "sigmoid": {},
    "sigmoid_hard": {"alpha": 0.25, "beta": 0.5},
    "silu": {},
    "softmax": {},
    "softplus": {},
    "softsign": {},
    "thresholded_relu": {"alpha": 0.5},
}
CHANGED_IN_17 = ("clamped_relu", "elu", "leaky_relu", "linear_activation", "scaled_tanh", "sigmoid_hard")
# softmax: an exponential (1), its rounded argument (|x - max| / 2), the sum and the quotient (1).
# gelu: the error function (1) of a rounded argument, the sum, the products (1), in units of x.
BOUNDS = {"softmax": 4, "gelu": 4}
MODES = ("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION")
BROAD = np.linspace(-30, 30, 61, dtype=np.float32)

CASES = (
    *(Case(op, {"x": normal(3, 4, scale=2), **more}, ulp_fp32=BOUNDS.get(op, 2)) for op, more in PLAIN.items()),
    *(Case(op, {"x": SPECIAL, **more}, note="special") for op, more in PLAIN.items() if op != "gelu"),
    Case("gelu", {"x": SPECIAL[~np.isinf(SPECIAL)]}, note="special but infinities"),
    *(
        Case(op, {"x": BROAD, **more}, ulp_fp32=BOUNDS.get(op, 2), note="broad")
        for op, more in PLAIN.items()
        if op != "softmax"
    ),
    *(Case(op, {"x": SCALAR, **more}, note="scalar") for op, more in PLAIN.items()),
    *(Case(op, {"x": EMPTY, **more}, note="empty") for op, more in PLAIN.items()),
    *(Case(op, {"x": normal(5), **PLAIN[op]}, opset=17) for op in CHANGED_IN_17),
    *(Case("gelu", {"x": normal(3, 4), "mode": mode}, note=mode) for mode in MODES),
    *(Case("gelu", {"x": BROAD, "mode": mode}, ulp_fp32=4, note=f"{mode} broad") for mode in MODES[:2]),
    # x * 1.702 is rounded before its exponential is taken, which makes half a unit of 30 one of e^30.
    Case("gelu", {"x": BROAD, "mode": MODES[2]}, ulp_fp32=40, note=f"{MODES[2]} broad"),
    Case("gelu", {"x": normal(3), "mode": "ERF"}, raises=ValueError),
    Case("thresholded_relu", {"x": f32(0.5, 0.49, 0.51), "alpha": 0.5}, opset=17, note="at the threshold"),
    *(
        Case("prelu", {"x": normal(2, 3, *space), "alpha": f32(0.5, -0.25, 0.0)}, note=f"rank {len(space) + 2}")
        for space in ((5,), (2, 3), (2, 2, 2))
    ),
    Case("prelu", {"x": normal(1, 3, 4), "alpha": f32(0.5, 0.25, 2.0)}, opset=17),
    Case("prelu", {"x": SPECIAL.reshape(1, 2, 8), "alpha": f32(0.5, 0.25)}, note="special"),
    Case("prelu", {"x": normal(1, 3, 4), "alpha": f32(0.5, 0.25)}, raises=RuntimeError),
    Case("softmax", {"x": normal(3, 4), "axis": 0}, note="axis 0"),
    Case("softmax", {"x": normal(2, 3, 4), "axis": -2}, note="axis -2"),
    Case("softmax", {"x": np.full((1, 4), 60000.0, np.float32)}, note="no overflow"),
    Case("softmax", {"x": f32(-np.inf, 0.0, 1.0)}, note="masked"),
    Case("softmax", {"x": np.full((2, 2), -np.inf, np.float32)}, note="all masked"),
    Case("softmax", {"x": normal(2, 1000)}, ulp_fp32=10, note="long"),
    Case("softmax", {"x": normal(2, 3), "axis": 2}, raises=IndexError),
    Case("softplus_parametric", {"x": normal(2, 3, 4), "alpha": f32(1.0, 0.5, -2.0), "beta": f32(1.0, 2.0, 0.0)}),
    Case("softplus_parametric", {"x": normal(1, 2, 3, 2), "alpha": f32(1.0, 3.0), "beta": f32(1.0, 0.5)}, opset=17),
    Case(
        "softplus_parametric",
        {"x": normal(1, 3, 4), "alpha": f32(1.0, 2.0), "beta": f32(1.0, 1.0)},
        raises=RuntimeError,
    ),
    Case("silu", {"x": uniform(2, 3, low=-90, high=-80)}, note="far below zero"),
)

"""Layers of each family at the edges: no elements, one to five axes, negative axes, and pools that round up."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch.nn.functional as F

from tests.engine.neural_network.cases.case import Case, normal
from tests.engine.neural_network.cases.images import IMAGE, t

SHAPES = (
    (5,),
    (2, 3),
    (2, 3, 4),
    (1, 2, 3, 4),
    (2, 1, 3, 1, 2),
    (0,),
    (0, 3),
    (2, 0, 3),
    (1, 0, 2, 2),
    (1, 1, 0, 2, 3),
)

Function = Callable[[np.ndarray], np.ndarray]

ELEMENTWISE: dict[str, tuple[dict[str, Any], Function]] = {
    "activation": ({"sigmoid": {}}, lambda x: 1 / (1 + np.exp(-x))),
    "clip": ({"minVal": -0.5, "maxVal": 0.5}, lambda x: np.clip(x, -0.5, 0.5)),
    "erf": ({}, np.vectorize(math.erf, otypes=[np.float64])),
    "gelu": ({"mode": 0}, lambda x: F.gelu(t(x)).numpy()),
    "sign": ({}, np.sign),
    "unary": ({"type": 4}, np.exp),
}

REDUCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "reduceMax": np.max,
    "reduceMean": np.mean,
    "reduceMin": np.min,
    "reduceProd": np.prod,
    "reduceSum": np.sum,
}

FULL = tuple(shape for shape in SHAPES if 0 not in shape)


def reduced(function: Callable[..., np.ndarray], axis: int, *, keep: bool) -> Function:
    return lambda x: np.atleast_1d(function(x, axis, keepdims=keep))


CASES = (
    *(
        Case(name, params, [normal(*shape)], oracle, f"of {shape}")
        for name, (params, oracle) in ELEMENTWISE.items()
        for shape in SHAPES
    ),
    *(
        Case(
            name,
            {"axes": [axis], "keepDims": keep},
            [normal(*shape)],
            reduced(oracle, axis, keep=keep),
            f"{axis} of {shape}",
        )
        for name, oracle in REDUCTIONS.items()
        for shape in FULL
        for axis, keep in ((-1, True), (-len(shape), False), (len(shape) - 1, False))
    ),
    Case(
        "reduceSum", {"axes": [-1], "keepDims": True}, [normal(2, 0)], lambda x: x.sum(-1, keepdims=True), "of nothing"
    ),
    Case("reduceProd", {"axes": [0], "keepDims": False}, [normal(0, 3)], lambda x: x.prod(0), "of nothing"),
    *(
        Case(
            name,
            {"axis": axis, "removeDim": removes},
            [normal(*shape)],
            lambda x, f=oracle, a=axis, r=removes: np.atleast_1d(f(x, a, keepdims=not r)) * 1.0,
            f"{axis} of {shape}",
        )
        for name, oracle in (("argMax", np.argmax), ("argMin", np.argmin))
        for shape in FULL
        for axis, removes in ((-1, False), (0, True))
    ),
    *(
        Case("softmaxND", {"axis": -1}, [normal(*shape)], lambda x: F.softmax(t(x), -1).numpy(), f"of {shape}")
        for shape in SHAPES[:-1]
    ),
    *(
        Case(
            "concatND",
            {"axis": -1},
            [normal(*shape), normal(*shape)],
            lambda x, y: np.concatenate([x, y], -1),
            f"of {shape}",
        )
        for shape in SHAPES
    ),
    *(
        Case(
            "pooling",
            {
                "type": kind,
                "kernelSize": [3, 3],
                "stride": [2, 2],
                "includeLastPixel": {"paddingAmounts": [0, 0]},
                "avgPoolExcludePadding": True,
            },
            [x],
            oracle,
            f"ceil {kind} of {x.ndim}",
        )
        for kind, oracle in (
            (0, lambda x: F.max_pool2d(t(x.reshape(-1, *x.shape[-3:])), 3, 2, ceil_mode=True).numpy()),
            (
                1,
                lambda x: F.avg_pool2d(
                    t(x.reshape(-1, *x.shape[-3:])), 3, 2, ceil_mode=True, count_include_pad=False
                ).numpy(),
            ),
        )
        for x in (IMAGE,)
    ),
    Case(
        "pooling",
        {"type": 0, "kernelSize": [2, 2], "stride": [2, 2]},
        [normal(3, 4, 6)],
        lambda x: F.max_pool2d(t(x), 2).numpy(),
        "rank 3",
    ),
    Case(
        "pooling",
        {"type": 1, "kernelSize": [2, 2], "stride": [2, 2]},
        [normal(2, 2, 3, 4, 6)],
        lambda x: F.avg_pool3d(t(x).reshape(4, 3, 4, 6), (1, 2, 2)).numpy().reshape(2, 2, 3, 2, 3),
        "rank 5",
    ),
)

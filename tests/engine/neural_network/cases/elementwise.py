"""Activations, functions of one number, and of several."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
import torch

from tests.engine.neural_network.cases.case import Case, normal, whole

IMAGE = normal(2, 3, 4, 5)
ALPHA = np.array([0.5, -0.25, 2.0])


def channelled(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, 1, 1)


def softplus(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, x)


ACTIVATIONS: dict[str, tuple[dict[str, object], Callable[[np.ndarray], np.ndarray]]] = {
    "ReLU": ({}, lambda x: np.maximum(x, 0)),
    "leakyReLU": ({"alpha": 0.125}, lambda x: np.where(x >= 0, x, 0.125 * x)),
    "tanh": ({}, np.tanh),
    "scaledTanh": ({"alpha": 1.5, "beta": 0.5}, lambda x: 1.5 * np.tanh(0.5 * x)),
    "sigmoid": ({}, lambda x: 1 / (1 + np.exp(-x))),
    "linear": ({"alpha": 0.5, "beta": 2.0}, lambda x: 0.5 * x + 2),
    "sigmoidHard": ({"alpha": 0.25, "beta": 0.5}, lambda x: np.clip(0.25 * x + 0.5, 0, 1)),
    "ELU": ({"alpha": 0.5}, lambda x: np.where(x >= 0, x, 0.5 * np.expm1(x))),
    "thresholdedReLU": ({"alpha": 0.5}, lambda x: np.where(x >= 0.5, x, 0)),
    "softsign": ({}, lambda x: x / (1 + np.abs(x))),
    "softplus": ({}, softplus),
}

PRELU = [
    Case("activation", {"PReLU": {"alpha": ALPHA}}, [x], lambda x: np.where(x >= 0, x, channelled(ALPHA) * x), note)
    for x, note in ((normal(3, 4, 5), "prelu rank 3"), (IMAGE, "prelu rank 4"), (normal(2, 2, 3, 2, 1), "prelu rank 5"))
]
ONE = np.array([0.25])
PARAMETRIC = [
    Case(
        "activation",
        {"parametricSoftplus": {"alpha": alpha, "beta": ALPHA}},
        [IMAGE],
        lambda x, alpha=alpha: channelled(alpha) * softplus(channelled(ALPHA) * x),
        f"softplus of {len(alpha)}",
    )
    for alpha in (ALPHA, ONE)
]

UNARY: dict[str, tuple[int, dict[str, float], Callable[[np.ndarray], np.ndarray]]] = {
    "sqrt": (0, {}, np.sqrt),
    "rsqrt": (1, {"epsilon": 0.25}, lambda x: 1 / np.sqrt(x + 0.25)),
    "rsqrt default": (1, {}, lambda x: 1 / np.sqrt(x + 1e-6)),
    "inverse": (2, {"epsilon": 0.5}, lambda x: 1 / (x + 0.5)),
    "power": (3, {"alpha": 3.0}, lambda x: x**3),
    "exp": (4, {}, np.exp),
    "log": (5, {}, np.log),
    "log of a sum": (5, {"epsilon": 1.0}, np.log1p),
    "abs": (6, {"shift": -1.0}, lambda x: np.abs(x - 1)),
    "threshold": (7, {"alpha": 1.0}, lambda x: np.maximum(x, 1)),
    "scaled": (4, {"scale": 0.5, "shift": 1.0}, lambda x: np.exp(0.5 * x + 1)),
}
POSITIVE = np.abs(normal(2, 3, 4)) + 0.1

WITHIN = np.clip(normal(3, 4) * 0.4, -0.9, 0.9)
BEYOND = np.abs(normal(3, 4)) + 1.1
FUNCTIONS: dict[str, tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]] = {
    "acos": (WITHIN, np.arccos),
    "acosh": (BEYOND, np.arccosh),
    "asin": (WITHIN, np.arcsin),
    "asinh": (normal(3, 4) * 3, np.arcsinh),
    "atan": (normal(3, 4), np.arctan),
    "atanh": (WITHIN, np.arctanh),
    "ceil": (normal(3, 4), np.ceil),
    "cos": (normal(3, 4), np.cos),
    "cosh": (normal(3, 4), np.cosh),
    "erf": (normal(3, 4), np.vectorize(math.erf)),
    "exp2": (normal(3, 4), np.exp2),
    "floor": (normal(3, 4), np.floor),
    "round": (normal(3, 4), np.rint),
    "sign": (np.array([-2.0, 0.0, 3.0], np.float32), np.sign),
    "sin": (normal(3, 4), np.sin),
    "sinh": (normal(3, 4), np.sinh),
    "tan": (normal(3, 4) * 0.5, np.tan),
    "tanh": (normal(3, 4), np.tanh),
}


def over(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    return lambda *values: reduce(function, values)


BINARY: dict[str, Callable[..., np.ndarray]] = {
    "addBroadcastable": np.add,
    "divideBroadcastable": np.divide,
    "floorDivBroadcastable": np.floor_divide,
    "maxBroadcastable": np.maximum,
    "minBroadcastable": np.minimum,
    "modBroadcastable": np.mod,
    "multiplyBroadcastable": np.multiply,
    "subtractBroadcastable": np.subtract,
}
SHAPES: Sequence[tuple[tuple[int, ...], tuple[int, ...]]] = (
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((4, 1, 2), (1, 3, 1)),
    ((2, 1, 3, 1, 2), (1, 4, 1, 2, 2)),
    ((0, 3), (1, 3)),
)

COMPARISONS: dict[str, Callable[..., np.ndarray]] = {
    "equal": np.equal,
    "greaterEqual": np.greater_equal,
    "greaterThan": np.greater,
    "lessEqual": np.less_equal,
    "lessThan": np.less,
    "notEqual": np.not_equal,
}
LOGICAL: dict[str, Callable[..., np.ndarray]] = {
    "logicalAnd": np.logical_and,
    "logicalOr": np.logical_or,
    "logicalXor": np.logical_xor,
}
GELU = ("none", "tanh")


def gelu(x: np.ndarray, mode: int) -> np.ndarray:
    if mode == 2:
        return x / (1 + np.exp(-1.702 * x))
    return torch.nn.functional.gelu(torch.from_numpy(x), approximate=GELU[mode]).numpy()


CASES = (
    *(Case("activation", {name: params}, [IMAGE], oracle, name) for name, (params, oracle) in ACTIVATIONS.items()),
    Case("activation", {"ReLU": {}}, [normal(5)], lambda x: np.maximum(x, 0), "rank 1"),
    Case("activation", {"tanh": {}}, [normal(0, 3)], np.tanh, "empty"),
    *PRELU,
    Case("activation", {"PReLU": {"alpha": ONE}}, [IMAGE], lambda x: np.where(x >= 0, x, 0.25 * x), "prelu of one"),
    *PARAMETRIC,
    Case("clampedReLU", {"alpha": 0.5, "beta": 1.0}, [IMAGE], lambda x: np.minimum(1, np.where(x >= 0, x, 0.5 * x))),
    *(Case("gelu", {"mode": mode}, [IMAGE], lambda x, mode=mode: gelu(x, mode), str(mode)) for mode in range(3)),
    *(
        Case("unary", {"type": kind, **params}, [POSITIVE], oracle, name)
        for name, (kind, params, oracle) in UNARY.items()
    ),
    *(Case(name, {}, [x], oracle) for name, (x, oracle) in FUNCTIONS.items()),
    Case("clip", {"minVal": -0.5, "maxVal": 0.25}, [normal(3, 4)], lambda x: np.clip(x, -0.5, 0.25)),
    *(
        Case(name, {}, [normal(*first), normal(*second)], oracle, f"{len(first)} and {len(second)}")
        for name, oracle in BINARY.items()
        for first, second in SHAPES
    ),
    Case("powBroadcastable", {}, [POSITIVE, normal(3, 1)], np.power),
    Case("add", {"alpha": 1.5}, [IMAGE], lambda x: x + 1.5, "number"),
    Case("multiply", {"alpha": 1.5}, [IMAGE], lambda x: x * 1.5, "number"),
    *(
        Case(name, {}, [IMAGE, normal(2, 3, 1, 1), normal(2, 1, 4, 5)], over(oracle), "three")
        for name, oracle in (("add", np.add), ("multiply", np.multiply), ("max", np.maximum), ("min", np.minimum))
    ),
    *(Case(name, {}, [IMAGE], lambda x: x, "one") for name in ("max", "min", "average")),
    Case("average", {}, [IMAGE, IMAGE * 2, IMAGE * 3], lambda *values: sum(values) / 3),
    *(
        Case(name, {}, [whole(3, 2, 4), whole(3, 2, 1)], lambda *v, f=oracle: f(*v) * 1.0, "two")
        for name, oracle in COMPARISONS.items()
    ),
    *(
        Case(name, {"alpha": 1.0}, [whole(3, 2, 4)], lambda x, f=oracle: f(x, 1) * 1.0, "number")
        for name, oracle in COMPARISONS.items()
    ),
    *(
        Case(name, {}, [whole(2, 3, 4), whole(2, 4)], lambda *v, f=oracle: f(*v) * 1.0)
        for name, oracle in LOGICAL.items()
    ),
    Case("logicalNot", {}, [whole(2, 3, 4)], lambda x: np.logical_not(x) * 1.0),
    Case("copy", {}, [IMAGE], lambda x: x),
)

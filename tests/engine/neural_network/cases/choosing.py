"""Reductions, orders, gathers and scatters, boxes, and recurrent layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.engine.neural_network.cases.case import Case, normal, numbers, whole

FOUR = normal(2, 4, 3, 5)
POSITIVE = np.abs(FOUR) + 0.1
AXES = ((-3, -2, -1), (-2, -1), (-3,), (-2,), (-1,))
Function = Callable[[np.ndarray, Any], np.ndarray]


def kept(function: Callable[..., Any]) -> Function:
    return lambda x, axes: function(x, axis=axes, keepdims=True)


def l2(x: np.ndarray, axis: Any, keepdims: bool) -> np.ndarray:
    return np.sqrt((x**2).sum(axis, keepdims=keepdims))


def l1(x: np.ndarray, axis: Any, keepdims: bool) -> np.ndarray:
    return np.abs(x).sum(axis, keepdims=keepdims)


def square(x: np.ndarray, axis: Any, keepdims: bool) -> np.ndarray:
    return (x**2).sum(axis, keepdims=keepdims)


OLD: Mapping[int, Callable[..., Any]] = {
    0: np.sum,
    1: np.mean,
    2: np.prod,
    3: lambda x, axis, keepdims: np.log(x + 1e-6).sum(axis, keepdims=keepdims),
    4: square,
    5: l1,
    6: l2,
    7: np.max,
    8: np.min,
}
NEW: Mapping[str, Callable[..., Any]] = {
    "reduceL1": l1,
    "reduceL2": l2,
    "reduceLogSum": lambda x, axis, keepdims: np.log(x.sum(axis, keepdims=keepdims)),
    "reduceLogSumExp": lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims)),
    "reduceMax": np.max,
    "reduceMean": np.mean,
    "reduceMin": np.min,
    "reduceProd": np.prod,
    "reduceSum": np.sum,
    "reduceSumSquare": square,
}


def reduced(x: np.ndarray, function: Callable[..., Any], axes: Any, keep: bool) -> np.ndarray:
    return np.atleast_1d(function(x, axis=axes, keepdims=keep))


REDUCTIONS = (
    *(
        Case(
            "reduce", {"mode": mode, "axis": place}, [POSITIVE], lambda x, f=f, a=axes: kept(f)(x, a), f"{mode} {place}"
        )
        for mode, f in OLD.items()
        for place, axes in enumerate(AXES)
    ),
    Case("reduce", {"mode": 9, "axis": 3}, [FOUR], lambda x: x.argmax(-2)[..., None, :]),
    *(
        Case(
            name,
            {"axes": list(axes), "keepDims": keep},
            [POSITIVE],
            lambda x, f=f, a=axes, k=keep: reduced(x, f, a, k),
            f"{axes} {keep}",
        )
        for name, f in NEW.items()
        for axes, keep in (((-1,), False), ((0, 2), True))
    ),
    *(
        Case(name, {"reduceAll": True}, [POSITIVE], lambda x, f=f: reduced(x, f, None, False), "all")
        for name, f in NEW.items()
    ),
)

ROWS = numbers([[3, 1, 2, 7], [9, 8, -4, 0]])
ORDERS = (
    Case("argMax", {"axis": -1}, [ROWS], lambda x: x.argmax(-1)[:, None], "kept"),
    Case("argMax", {"axis": 0, "removeDim": True}, [ROWS], lambda x: x.argmax(0), "removed"),
    Case("argMin", {"axis": 0, "removeDim": True}, [ROWS[0]], lambda x: np.array([1]), "rank 1"),
    Case("argSort", {"axis": 1}, [ROWS], lambda x: x.argsort(1)),
    Case("argSort", {"axis": 1, "descending": True}, [ROWS], lambda x: (-x).argsort(1), "descending"),
    *(
        Case("topK", params, [ROWS, *more], lambda x, *_, s=sign: best(x, s), note, outputs=2)
        for params, more, sign, note in (
            ({"axis": -1, "K": 2}, [], -1, "top"),
            ({"axis": 1, "K": 2, "useBottomK": True}, [], 1, "bottom"),
            ({"axis": 1}, [numbers([2])], -1, "dynamic"),
        )
    ),
    *(
        Case(
            "cumSum",
            {"axis": -1, "excludeFinalSum": exclusive, "reverse": reverse},
            [numbers([4, 6, 7])],
            lambda _, want=want: np.array(want),
            f"{exclusive} {reverse}, the example of the specification",
        )
        for exclusive, reverse, want in (
            (False, False, [4, 10, 17]),
            (True, False, [0, 4, 10]),
            (False, True, [17, 13, 7]),
            (True, True, [13, 7, 0]),
        )
    ),
    Case("cumSum", {}, [ROWS, numbers([1])], lambda x, _: x.cumsum(1), "dynamic"),
)


def best(x: np.ndarray, sign: int) -> tuple[np.ndarray, np.ndarray]:
    order = (sign * x).argsort(-1)[:, :2]
    return np.take_along_axis(x, order, -1), order


DATA = normal(4, 3, 5)
UPDATES: Mapping[int, Callable[[float, float], float]] = {
    0: lambda _, new: new,
    1: lambda old, new: old + new,
    2: lambda old, new: old - new,
    3: lambda old, new: old * new,
    4: lambda old, new: old / new,
    5: max,
    6: min,
}


def scattered(data: np.ndarray, places: Any, updates: np.ndarray, mode: int) -> np.ndarray:
    """Combine each update with the element at its place, one after the other."""
    result = data.copy()
    for place, update in zip(places, updates.reshape(-1), strict=True):
        result[place] = UPDATES[mode](result[place], update)
    return result


def along(data: np.ndarray, index: np.ndarray, updates: np.ndarray, axis: int, mode: int) -> np.ndarray:
    places = []
    for at in np.ndindex(index.shape):
        place = list(at)
        place[axis] = int(index[at])
        places.append(tuple(place))
    return scattered(data, places, updates, mode)


def rows(data: np.ndarray, index: np.ndarray, updates: np.ndarray, mode: int) -> np.ndarray:
    places = [(int(row), *rest) for row in index for rest in np.ndindex(data.shape[1:])]
    return scattered(data, places, updates, mode)


INDEX = numbers([2, -1, 0])
GATHERS = (
    Case("gather", {"axis": 1}, [DATA, numbers([[2, 0], [-1, 1]])], lambda x, i: x[:, i.astype(int)]),
    Case("gather", {"axis": -1}, [DATA, numbers([4])], lambda x, i: x[..., [4]], "negative axis"),
    Case("gatherND", {}, [DATA, numbers([[1, 2], [3, 0]])], lambda x, _: x[[1, 3], [2, 0]]),
    Case(
        "gatherAlongAxis",
        {"axis": -2},
        [DATA, whole(3, 4, 2, 5)],
        lambda x, i: np.take_along_axis(x, i.astype(int), 1),
    ),
    *(
        Case(
            "scatter",
            {"axis": 0, "mode": mode},
            [DATA, INDEX, normal(3, 3, 5)],
            lambda x, i, u, m=mode: rows(x, i, u, m),
            str(mode),
        )
        for mode in UPDATES
    ),
    *(
        Case(
            "scatterAlongAxis",
            {"axis": 1, "mode": mode},
            [DATA, numbers(np.argsort(normal(4, 3, 5), 1)[:, :2]), normal(4, 2, 5)],
            lambda x, i, u, m=mode: along(x, i, u, 1, m),
            str(mode),
        )
        for mode in UPDATES
    ),
    *(
        Case(
            "scatterND",
            {"mode": mode},
            [DATA, numbers([[1, 2], [3, 0]]), normal(2, 5)],
            lambda x, i, u, m=mode: scattered(x, [(int(a), int(b), c) for a, b in i for c in range(5)], u, m),
            str(mode),
        )
        for mode in UPDATES
    ),
)

BOXES = numbers([[[1, 1, 2, 2], [1.1, 1, 2, 2], [5, 5, 2, 2], [1, 1, 2, 2]]])
SCORES = numbers([[[0.9], [0.8], [0.7], [0.1]]])
NMS = {"iouThreshold": 0.5, "scoreThreshold": 0.2, "maxBoxes": 3}


def two_boxes(boxes: np.ndarray, scores: np.ndarray, *_: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the first and the third box, and what fills the third place."""
    chosen, values = np.zeros((1, 3, 4)), np.zeros((1, 3, 1))
    chosen[0, :2], values[0, :2] = boxes[0, [0, 2]], scores[0, [0, 2]]
    return chosen, values, np.array([[0, 2, -1]]), np.array([2])


SUPPRESSION = (
    Case("NonMaximumSuppression", NMS, [BOXES, SCORES], two_boxes, outputs=4),
    Case(
        "NonMaximumSuppression",
        {},
        [BOXES, SCORES, numbers([0.5]), numbers([0.2]), numbers([3])],
        two_boxes,
        "dynamic",
        outputs=4,
    ),
)

WIDTH, H, S, B = 3, 2, 4, 2
X = normal(S, B, WIDTH, 1, 1)
W = {name: normal(H, WIDTH) * 0.5 for name in "ifzo"}
R = {name: normal(H, H) * 0.5 for name in "ifzo"}
BIASES = {name: normal(H) * 0.5 for name in "ifzo"}
P = {name: normal(H) * 0.5 for name in "ifo"}
STATE = normal(1, B, H, 1, 1)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def axes(x: np.ndarray) -> np.ndarray:
    return x[..., None, None]


def sequence(states: list[np.ndarray], *last: np.ndarray) -> tuple[np.ndarray, ...]:
    return axes(np.stack(states)), *(axes(each[None]) for each in last)


def simple(x: np.ndarray, first: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, ...]:
    h, states = first[0, :, :, 0, 0], []
    for step in x[..., 0, 0]:
        h = function(np.clip(step @ W["i"].T + h @ R["i"].T + BIASES["i"], -50, 50))
        states.append(h)
    return sequence(states, h)


def gru(x: np.ndarray) -> tuple[np.ndarray, ...]:
    h, states = np.zeros((B, H)), []
    for step in x[..., 0, 0]:
        z, r = (sigmoid(step @ W[n].T + h @ R[n].T + BIASES[n]) for n in "iz")
        o = np.tanh(step @ W["o"].T + (h * r) @ R["o"].T + BIASES["o"])
        h = (1 - z) * o + z * h
        states.append(h)
    return sequence(states, h)


def lstm(
    x: np.ndarray, h: np.ndarray, c: np.ndarray, *, coupled: bool = False, forget: float = 0.0, peephole: bool = True
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    states = []
    see = {name: (P[name] if peephole else 0) for name in "ifo"}
    for step in x:
        pre = {n: step @ W[n].T + h @ R[n].T + BIASES[n] for n in "ifzo"}
        i = sigmoid(pre["i"] + see["i"] * c)
        f = 1 - i if coupled else sigmoid(pre["f"] + see["f"] * c + forget)
        c = np.clip(f * c + i * np.tanh(pre["z"]), -0.6, 0.6)
        h = sigmoid(pre["o"] + see["o"] * c) * np.tanh(c)
        states.append(h)
    return states, h, c


def one_way(x: np.ndarray, *initial: np.ndarray, reverse: bool = False, **more: Any) -> tuple[np.ndarray, ...]:
    h, c = (each[0, :, :, 0, 0] for each in initial) if initial else (np.zeros((B, H)), np.zeros((B, H)))
    steps = x[..., 0, 0]
    states, *last = lstm(steps[::-1] if reverse else steps, h, c, **more)
    return sequence(states, *last)


def both_ways(x: np.ndarray) -> tuple[np.ndarray, ...]:
    zero, steps = np.zeros((B, H)), x[..., 0, 0]
    there, h, c = lstm(steps, zero, zero, peephole=False)
    back, h_back, c_back = lstm(steps[::-1], zero, zero, peephole=False)
    states = [np.concatenate(pair, -1) for pair in zip(there, back[::-1], strict=True)]
    return sequence(states, h, c, h_back, c_back)


SIZES = {"inputVectorSize": WIDTH, "outputVectorSize": H}
SIGMOID: dict[str, Any] = {"sigmoid": {}}
TANH: dict[str, Any] = {"tanh": {}}
LINEAR: dict[str, Any] = {"linear": {"alpha": 1.0}}
RELU: dict[str, Any] = {"ReLU": {}}
GATES = {"i": "inputGate", "f": "forgetGate", "z": "blockInput", "o": "outputGate"}
MATRICES = {f"{GATES[n]}WeightMatrix": W[n] for n in GATES} | {f"{GATES[n]}RecursionMatrix": R[n] for n in GATES}
WEIGHTS = MATRICES | {f"{GATES[n]}BiasVector": BIASES[n] for n in GATES}
PEEPHOLES = {f"{GATES[n]}PeepholeVector": P[n] for n in P}
LSTM = {"sequenceOutput": True, "hasBiasVectors": True, "cellClipThreshold": 0.6}
PEEPING = {**LSTM, "hasPeepholeVectors": True}
ONE_WAY = {**SIZES, "activations": [SIGMOID, TANH, TANH], "weightParams": {**WEIGHTS, **PEEPHOLES}}
SIMPLE = {**SIZES, "weightMatrix": W["i"], "recursionMatrix": R["i"], "hasBiasVector": True, "biasVector": BIASES["i"]}
GRU_GATES = {"updateGate": "i", "resetGate": "z", "outputGate": "o"}

RECURRENT = (
    *(
        Case(
            "simpleRecurrent",
            {**SIMPLE, "activation": activation, "sequenceOutput": True},
            [X * scale, STATE],
            lambda x, h, f=function: simple(x, h, f),
            name,
            outputs=2,
            rank5=False,
        )
        for name, activation, function, scale in (
            ("tanh", TANH, np.tanh, 1),
            ("linear", LINEAR, lambda x: x, 60),
            ("relu", RELU, lambda x: np.maximum(x, 0), 60),
            ("hard", {"sigmoidHard": {"alpha": 0.2, "beta": 0.5}}, lambda x: np.clip(0.2 * x + 0.5, 0, 1), 3),
            ("scaled", {"scaledTanh": {"alpha": 1.7159, "beta": 2 / 3}}, lambda x: 1.7159 * np.tanh(x * 2 / 3), 1),
        )
    ),
    Case(
        "simpleRecurrent",
        {**SIMPLE, "activation": TANH, "reverseInput": True},
        [X, STATE],
        lambda x, h: tuple(each[-1:] for each in simple(x[::-1], h, np.tanh)),
        "reverse, last",
        outputs=2,
    ),
    Case(
        "gru",
        {**SIZES, "activations": [SIGMOID, TANH], "sequenceOutput": True, "hasBiasVectors": True}
        | {f"{gate}WeightMatrix": W[n] for gate, n in GRU_GATES.items()}
        | {f"{gate}RecursionMatrix": R[n] for gate, n in GRU_GATES.items()}
        | {f"{gate}BiasVector": BIASES[n] for gate, n in GRU_GATES.items()},
        [X],
        gru,
        outputs=2,
    ),
    Case("uniDirectionalLSTM", {**ONE_WAY, "params": PEEPING}, [X, STATE, STATE * 0.5], one_way, outputs=3),
    Case(
        "uniDirectionalLSTM",
        {**ONE_WAY, "params": {**PEEPING, "coupledInputAndForgetGate": True}},
        [X],
        lambda x: one_way(x, coupled=True),
        "coupled",
        outputs=3,
    ),
    Case(
        "uniDirectionalLSTM",
        {**ONE_WAY, "params": {**PEEPING, "forgetBias": True}, "reverseInput": True},
        [X],
        lambda x: one_way(x, forget=1.0, reverse=True),
        "forget bias, reverse",
        outputs=3,
    ),
    Case(
        "biDirectionalLSTM",
        {**SIZES, "activationsForwardLSTM": [SIGMOID, TANH, TANH], "activationsBackwardLSTM": [SIGMOID, TANH, TANH]}
        | {"params": LSTM, "weightParams": [WEIGHTS, WEIGHTS]},
        [X],
        both_ways,
        outputs=5,
    ),
)

CASES = (*REDUCTIONS, *ORDERS, *GATHERS, *SUPPRESSION, *RECURRENT)

"""Calls of MIL's `lstm`: short ones are stepped, long plain ones take PyTorch's kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases.arrays import normal
from tests.cases.case import Case

IN, HIDDEN, BATCH = 3, 4, 2
LONG, SHORT = 6, 2

# In units of one: a step rounds its products, activations and the new states, and hands the error on to the next.
BOUND = 8
# The states are stored in fp16 after each of the steps; the oracle's are not.
BOUND_FP16 = 6


def layer(steps: int = LONG, *, bias: bool = True, directions: int = 1, **more: object) -> dict[str, object]:
    """Return the inputs of an `lstm`."""
    return {
        "x": normal(steps, BATCH, IN),
        "initial_h": normal(BATCH, directions * HIDDEN, seed=1, scale=0.5),
        "initial_c": normal(BATCH, directions * HIDDEN, seed=2, scale=0.5),
        "weight_ih": normal(4 * HIDDEN, IN, seed=3, scale=0.5),
        "weight_hh": normal(4 * HIDDEN, HIDDEN, seed=4, scale=0.5),
        **({"bias": normal(4 * HIDDEN, seed=5, scale=0.5)} if bias else {}),
        **more,
    }


def both_ways(steps: int = LONG, **more: Any) -> dict[str, object]:
    """Return the inputs of a bidirectional `lstm`, with a bias forward alone."""
    backward: dict[str, Any] = {
        "weight_ih_back": normal(4 * HIDDEN, IN, seed=6, scale=0.5),
        "weight_hh_back": normal(4 * HIDDEN, HIDDEN, seed=7, scale=0.5),
    }
    return layer(steps, directions=2, direction="bidirectional", **backward, **more)


def lstm(inputs: dict[str, object], note: str = "", opset: int = 15) -> Case:
    """Return a case with the bounds of recurrence."""
    return Case("lstm", inputs, BOUND, BOUND_FP16, opset=opset, note=note)


ALL = {"output_sequence": True}
PEEPHOLE = normal(3 * HIDDEN, seed=8, scale=0.5)
BACK = {"bias_back": normal(4 * HIDDEN, seed=9, scale=0.5), "peephole_back": normal(3 * HIDDEN, seed=10, scale=0.5)}
NAMES = ("relu", "sigmoid", "hard_sigmoid", "scaled_tanh", "linear", "tanh")
NAN = normal(LONG, BATCH, IN)
NAN[1, 0, 0] = np.nan

CASES = (
    *(lstm(layer(steps), f"last of {steps}") for steps in (0, 1, SHORT, LONG)),
    *(lstm(layer(steps, **ALL), f"all of {steps}") for steps in (0, 1, SHORT, LONG)),
    *(lstm(layer(steps, direction="reverse"), f"reverse, last of {steps}") for steps in (SHORT, LONG)),
    *(lstm(layer(steps, direction="reverse", **ALL), f"reverse, all of {steps}") for steps in (SHORT, LONG)),
    *(lstm(layer(steps, bias=False, **ALL), f"no bias, {steps}") for steps in (SHORT, LONG)),
    *(lstm(both_ways(steps), f"both ways, last of {steps}") for steps in (SHORT, LONG)),
    *(lstm(both_ways(steps, **ALL), f"both ways, all of {steps}") for steps in (SHORT, LONG)),
    *(lstm(both_ways(steps, **BACK, **ALL), f"both ways, peephole back, {steps}") for steps in (SHORT, LONG)),
    lstm(both_ways(bias_back=BACK["bias_back"], bias=False), "both ways, bias back alone"),
    lstm(layer(peephole=PEEPHOLE, **ALL), "peephole"),
    *(lstm(layer(clip=clip, **ALL), f"clip {clip}") for clip in (0.25, 50.0)),
    lstm(layer(peephole=PEEPHOLE, clip=0.25, **ALL), "peephole and clip"),
    *(lstm(layer(recurrent_activation=name, **ALL), f"gates {name}") for name in ("hard_sigmoid", "tanh")),
    *(lstm(layer(cell_activation=name, **ALL), f"cell {name}") for name in NAMES),
    *(lstm(layer(activation=name, **ALL), f"output {name}") for name in NAMES),
    lstm(layer(**ALL) | {"x": NAN}, "nan"),
    lstm(layer(**ALL), "iOS17", 17),
    Case("lstm", layer(direction="backward"), raises=ValueError),
    Case("lstm", layer(directions=2, direction="bidirectional"), raises=ValueError),
    Case("lstm", layer(recurrent_activation="softmax"), raises=ValueError),
    *(Case("lstm", layer(steps) | {"x": normal(steps, BATCH, 7)}, raises=ValueError) for steps in (SHORT, LONG)),
    *(Case("lstm", layer() | {name: normal(5, 5)}, raises=ValueError) for name in ("weight_ih", "weight_hh", "x")),
    *(Case("lstm", layer() | {name: normal(1, HIDDEN)}, raises=ValueError) for name in ("initial_h", "initial_c")),
    Case("lstm", layer() | {"initial_h": normal(BATCH + 2, HIDDEN)}, note="states of more samples"),
    *(Case("lstm", layer() | {name: normal(3)}, raises=ValueError) for name in ("bias", "peephole")),
)

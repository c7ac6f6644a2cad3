"""Calls of MIL's `gru` and `rnn`."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import normal
from tests.cases.case import Case

IN, HIDDEN, BATCH = 3, 4, 2

# In units of one: a step rounds its products, activations and the new state, and hands the error on to the next.
BOUND = 8
# The states are stored in fp16 after each of the steps; the oracle's are not.
BOUND_FP16 = 6


def layer(gates: int, steps: int = 5, *, bias: bool = True, **more: object) -> dict[str, object]:
    """Return the inputs of a recurrent layer with this number of gates."""
    return {
        "x": normal(steps, BATCH, IN),
        "initial_h": normal(BATCH, HIDDEN, seed=1, scale=0.5),
        "weight_ih": normal(gates * HIDDEN, IN, seed=2, scale=0.5),
        "weight_hh": normal(gates * HIDDEN, HIDDEN, seed=3, scale=0.5),
        **({"bias": normal(gates * HIDDEN, seed=4, scale=0.5)} if bias else {}),
        **more,
    }


def recurrent(op: str, inputs: dict[str, object], note: str = "", opset: int = 15) -> Case:
    """Return a case with the bounds of recurrence."""
    return Case(op, inputs, BOUND, BOUND_FP16, opset=opset, note=note)


GATES = {"gru": 3, "rnn": 1}
ALL = {"output_sequence": True}
INPUT_BIAS = normal(3 * HIDDEN, seed=5, scale=0.5)
NAN = normal(3, BATCH, IN)
NAN[1, 0, 0] = np.nan

CASES = (
    *(recurrent(op, layer(gates), "last") for op, gates in GATES.items()),
    *(recurrent(op, layer(gates, **ALL), "sequence") for op, gates in GATES.items()),
    *(recurrent(op, layer(gates, direction="reverse"), "reverse last") for op, gates in GATES.items()),
    *(recurrent(op, layer(gates, direction="reverse", **ALL), "reverse sequence") for op, gates in GATES.items()),
    *(recurrent(op, layer(gates, bias=False, **ALL), "no bias") for op, gates in GATES.items()),
    *(recurrent(op, layer(gates, 1, **ALL), "one step") for op, gates in GATES.items()),
    *(recurrent(op, layer(gates, 0, **ALL), "no step") for op, gates in GATES.items()),
    *(recurrent(op, layer(gates, 0), "no step, last") for op, gates in GATES.items()),
    *(recurrent(op, layer(gates, **ALL) | {"x": NAN}, "nan") for op, gates in GATES.items()),
    *(recurrent(op, layer(gates, **ALL), "iOS17", 17) for op, gates in GATES.items()),
    *(
        recurrent(op, layer(gates, activation=name, **ALL), name)
        for op, gates in GATES.items()
        for name in ("relu", "sigmoid", "sigmoid_hard", "hard_sigmoid", "scaled_tanh", "linear")
    ),
    *(Case(op, layer(gates, direction="bidirectional"), raises=ValueError) for op, gates in GATES.items()),
    *(Case(op, layer(gates, activation="gelu"), raises=ValueError) for op, gates in GATES.items()),
    *(Case(op, layer(gates) | {"x": normal(5, BATCH, 7)}, raises=RuntimeError) for op, gates in GATES.items()),
    recurrent("gru", layer(3, recurrent_activation="tanh", activation="sigmoid", **ALL), "swapped"),
    recurrent("gru", layer(3, **ALL), "iOS18", 18),
    recurrent("gru", layer(3, reset_after=True, **ALL), "reset after", 18),
    recurrent("gru", layer(3, reset_after=True, input_bias=INPUT_BIAS, **ALL), "reset after, both biases", 18),
    recurrent("gru", layer(3, reset_after=True, bias=False, input_bias=INPUT_BIAS), "reset after, one bias", 18),
    recurrent("gru", layer(3, input_bias=INPUT_BIAS, direction="reverse", **ALL), "input bias", 18),
)

"""What MIL's recurrent layers give, one sample and one step at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.oracles.terms import Terms

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hard_sigmoid": lambda x: np.clip(x / 5 + 1 / 2, 0, 1),
    "linear": lambda x: x,
    "relu": lambda x: np.where(x < 0, 0, x),
    "scaled_tanh": np.tanh,
    "sigmoid": lambda x: (np.tanh(x / 2) + 1) / 2,
    "sigmoid_hard": lambda x: np.clip(x / 5 + 1 / 2, 0, 1),
    "tanh": np.tanh,
}

Step = Callable[[np.ndarray, tuple[np.ndarray, ...]], tuple[np.ndarray, ...]]


def scan(step: Step, x: np.ndarray, states: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Return the first state after every step, and the last states; x is (s, b, I), states are (b, H)."""
    history = np.zeros((len(x), *states[0].shape))
    last = [np.array(state) for state in states]
    for sample in range(x.shape[1]):
        now = tuple(state[sample] for state in states)
        for time in range(len(x)):
            now = step(x[time, sample], now)
            history[time, sample] = now[0]
        for place, state in enumerate(now):
            last[place][sample] = state
    return history, *last


def around_one(*results: np.ndarray) -> tuple[Terms, ...]:
    """Return results whose error is counted in units of one: states are sums of terms of that size."""
    return tuple(Terms(each, np.ones(())) for each in results)


def parts(values: np.ndarray | None, count: int, like: np.ndarray) -> list[np.ndarray]:
    """Return the gates' parts, or zeros."""
    return np.split(values if values is not None else np.zeros(len(like)), count)


def gru(
    x: np.ndarray,
    initial_h: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias: np.ndarray | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    recurrent_activation: str = "sigmoid",
    activation: str = "tanh",
    reset_after: bool = False,
    input_bias: np.ndarray | None = None,
) -> tuple[Terms, ...]:
    gate, output = ACTIVATIONS[recurrent_activation], ACTIVATIONS[activation]
    w_r, w_o, w_z = np.split(weight_ih, 3)
    u_r, u_o, u_z = np.split(weight_hh, 3)
    b_r, b_o, b_z = parts(bias, 3, weight_hh)
    d_r, d_o, d_z = parts(input_bias, 3, weight_hh)

    def step(value: np.ndarray, states: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        (h,) = states
        r = gate(w_r @ value + d_r + u_r @ h + b_r)
        z = gate(w_z @ value + d_z + u_z @ h + b_z)
        recalled = r * (u_o @ h + b_o) if reset_after else u_o @ (r * h) + b_o
        return (z * h + (1 - z) * output(w_o @ value + d_o + recalled),)

    history, last = scan(step, x if direction == "forward" else x[::-1], (initial_h,))
    return around_one(history if output_sequence else last[None], last)


def rnn(
    x: np.ndarray,
    initial_h: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias: np.ndarray | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    activation: str = "tanh",
) -> tuple[Terms, ...]:
    def step(value: np.ndarray, states: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        total = weight_ih @ value + weight_hh @ states[0]
        return (ACTIVATIONS[activation](total if bias is None else total + bias),)

    history, last = scan(step, x if direction == "forward" else x[::-1], (initial_h,))
    return around_one(history if output_sequence else last[None], last)


ORACLES = {"gru": gru, "rnn": rnn}

"""What MIL's `lstm` gives, one sample and one step at a time."""

from __future__ import annotations

import numpy as np

from tests.oracles.recurrent import ACTIVATIONS, Step, around_one, parts, scan
from tests.oracles.terms import Terms


def lstm(
    x: np.ndarray,
    initial_h: np.ndarray,
    initial_c: np.ndarray,
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias: np.ndarray | None = None,
    peephole: np.ndarray | None = None,
    weight_ih_back: np.ndarray | None = None,
    weight_hh_back: np.ndarray | None = None,
    bias_back: np.ndarray | None = None,
    peephole_back: np.ndarray | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    recurrent_activation: str = "sigmoid",
    cell_activation: str = "tanh",
    activation: str = "tanh",
    clip: float | None = None,
) -> tuple[Terms, ...]:
    initial_h = initial_h[: x.shape[1]]
    names = (recurrent_activation, cell_activation, activation)
    bound = np.inf if clip is None else clip
    forward = stepper(weight_ih, weight_hh, bias, peephole, names, bound)
    if direction != "bidirectional":
        history, h, c = scan(forward, x if direction == "forward" else x[::-1], (initial_h, initial_c))
    else:
        assert weight_ih_back is not None
        assert weight_hh_back is not None
        backward = stepper(weight_ih_back, weight_hh_back, bias_back, peephole_back, names, bound)
        half = weight_hh.shape[1]
        ahead = scan(forward, x, (initial_h[:, :half], initial_c[:, :half]))
        behind = scan(backward, x[::-1], (initial_h[:, half:], initial_c[:, half:]))
        history, h, c = (
            np.concatenate(pair, -1)
            for pair in ((ahead[0], behind[0][::-1]), (ahead[1], behind[1]), (ahead[2], behind[2]))
        )
    return around_one(history if output_sequence else h[None], h, c)


def stepper(
    weight_ih: np.ndarray,
    weight_hh: np.ndarray,
    bias: np.ndarray | None,
    peephole: np.ndarray | None,
    names: tuple[str, str, str],
    bound: float,
) -> Step:
    """Return one direction's step."""
    gate, candidate, output = (ACTIVATIONS[name] for name in names)
    w_i, w_f, w_o, w_z = np.split(weight_ih, 4)
    u_i, u_f, u_o, u_z = np.split(weight_hh, 4)
    b_i, b_f, b_o, b_z = parts(bias, 4, weight_hh)
    p_i, p_f, p_o = parts(peephole, 3, weight_hh[: 3 * weight_hh.shape[1]])

    def step(value: np.ndarray, states: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        h, c = states
        i = gate(w_i @ value + u_i @ h + p_i * c + b_i)
        f = gate(w_f @ value + u_f @ h + p_f * c + b_f)
        z = candidate(w_z @ value + u_z @ h + b_z)
        c = np.clip(f * c + i * z, -bound, bound)
        o = gate(w_o @ value + u_o @ h + p_o * c + b_o)
        return o * output(c), c

    return step


ORACLES = {"lstm": lstm}

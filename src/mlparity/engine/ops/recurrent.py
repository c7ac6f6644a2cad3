"""MIL's `gru` and `rnn`, and what all recurrent ops share; `lstm` has a module of its own.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15`, `iOS17` and `iOS18`, `recurrent.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html), and where that is silent,
coremltools' own tests of Core ML, `converters/mil/mil/ops/tests/iOS14/test_recurrent.py`: the parameters of
activations, where a clip stands, and that "reverse" gives the sequence in the order in which it was computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.registry import Rounding, mil_op

Activation = Callable[[Tensor], Tensor]


def _hard_sigmoid(x: Tensor) -> Tensor:
    return (0.2 * x + 0.5).clamp(0, 1)


NETWORK_LIMIT = 50.0
"""Where a network's recurrent layers end what goes into an activation. Source: `NeuralNetwork.proto`."""

ACTIVATIONS: Mapping[str, Activation] = {
    "hard_sigmoid": _hard_sigmoid,
    "linear": lambda x: x,
    "network_linear": lambda x: x.clamp(-NETWORK_LIMIT, NETWORK_LIMIT),
    "network_relu": lambda x: x.clamp(0, NETWORK_LIMIT),
    "network_scaled_tanh": lambda x: 1.7159 * torch.tanh(x * (2 / 3)),
    "relu": torch.relu,
    "scaled_tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "sigmoid_hard": _hard_sigmoid,
    "tanh": torch.tanh,
}
"""The activations by MIL's names, and a network's own; a scaled tanh without parameters is a tanh."""


def activation_named(name: str) -> Activation:
    """Return the activation that MIL calls `name`.

    Raises:
        ValueError: there is none.
    """
    found = ACTIVATIONS.get(name.lower())
    if found is None:
        raise ValueError(f"the activation {name!r} is none of {', '.join(sorted(ACTIVATIONS))}")
    return found


def in_order(x: Tensor, direction: str) -> Tensor:
    """Return the sequence in the order in which one direction takes it.

    Raises:
        ValueError: `direction` is neither forward nor reverse.
    """
    if direction not in ("forward", "reverse"):
        raise ValueError(f"the direction {direction!r} is neither forward nor reverse")
    return x if direction == "forward" else x.flip(0)


def sequence(states: Iterable[Tensor], initial: Tensor) -> Tensor:
    """Return the hidden states of all steps as one tensor (s, b, H)."""
    steps = list(states)
    return torch.stack(steps) if steps else initial.new_zeros((0, *initial.shape))


def _gru(
    x: Tensor,
    initial_h: Tensor,
    weights: tuple[Tensor, Tensor, Tensor | None, Tensor | None],
    activations: tuple[Activation, Activation],
    reset_after: bool,
    num: Numerics,
) -> tuple[Tensor, Tensor]:
    """Return all hidden states and the last one; the gates lie in the order reset, output, update."""
    weight_ih, weight_hh, bias, input_bias = weights
    gate, output = activations
    reset_weight, output_weight, update_weight = weight_hh.chunk(3)
    reset_bias, output_bias, update_bias = (None,) * 3 if bias is None else bias.chunk(3)
    h, states = initial_h, []
    for step in F.linear(x, weight_ih, input_bias).unbind(0):
        reset_in, output_in, update_in = step.chunk(3, dim=-1)
        r = gate(reset_in + F.linear(h, reset_weight, reset_bias))
        z = gate(update_in + F.linear(h, update_weight, update_bias))
        if reset_after:
            recalled = r * F.linear(h, output_weight, output_bias)
        else:
            recalled = F.linear(r * h, output_weight, output_bias)
        o = output(output_in + recalled)
        h = num.store((1 - z) * o + z * h)
        states.append(h)
    return sequence(states, initial_h), h


@mil_op("gru", rounding=Rounding.REDUCE)
def gru(
    x: Tensor,
    initial_h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    recurrent_activation: str = "sigmoid",
    activation: str = "tanh",
    *,
    num: Numerics,
) -> tuple[Tensor, Tensor]:
    """Run gated recurrent units over a sequence: the hidden states, or the last one, and the last one.

    The reset gate multiplies the state before its product with the weights.

    Shape: x (s, b, I), initial_h (b, H), weight_ih (3H, I), weight_hh (3H, H), bias (3H) in the order reset, output,
    update; gives (s or 1, b, H) and (b, H).
    Rounding: the state is stored after each step, nothing within it (assumed).

    Raises:
        ValueError: an unknown direction or activation.
    """
    chosen = (activation_named(recurrent_activation), activation_named(activation))
    states, last = _gru(in_order(x, direction), initial_h, (weight_ih, weight_hh, bias, None), chosen, False, num)
    return (states if output_sequence else last.unsqueeze(0)), last


@mil_op("gru", since=18, rounding=Rounding.REDUCE)
def gru_18(
    x: Tensor,
    initial_h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    recurrent_activation: str = "sigmoid",
    activation: str = "tanh",
    reset_after: bool = False,
    input_bias: Tensor | None = None,
    *,
    num: Numerics,
) -> tuple[Tensor, Tensor]:
    """Run gated recurrent units over a sequence, as before iOS18 or as PyTorch does.

    With `reset_after` the reset gate multiplies the product of weights and state, with `bias` in it; `input_bias`
    stays outside.

    Raises:
        ValueError: an unknown direction or activation.
    """
    chosen = (activation_named(recurrent_activation), activation_named(activation))
    weights = (weight_ih, weight_hh, bias, input_bias)
    states, last = _gru(in_order(x, direction), initial_h, weights, chosen, reset_after, num)
    return (states if output_sequence else last.unsqueeze(0)), last


@mil_op("rnn", rounding=Rounding.REDUCE)
def rnn(
    x: Tensor,
    initial_h: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias: Tensor | None = None,
    direction: str = "forward",
    output_sequence: bool = False,
    activation: str = "tanh",
    *,
    num: Numerics,
) -> tuple[Tensor, Tensor]:
    """Run a plain recurrent layer over a sequence: the hidden states, or the last one, and the last one.

    Shape: x (s, b, I), initial_h (b, H), weight_ih (H, I), weight_hh (H, H), bias (H); gives (s or 1, b, H) and (b, H).
    Rounding: the state is stored after each step, nothing within it (assumed).

    Raises:
        ValueError: an unknown direction or activation.
    """
    chosen = activation_named(activation)
    h, states = initial_h, []
    for step in F.linear(in_order(x, direction), weight_ih, bias).unbind(0):
        h = num.store(chosen(step + F.linear(h, weight_hh)))
        states.append(h)
    return (sequence(states, initial_h) if output_sequence else h.unsqueeze(0)), h

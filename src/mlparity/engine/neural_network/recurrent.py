"""Recurrent layers of a network. Sequences have five axes: steps, batch, numbers, and two of one element.

Inputs before a linear function or a ReLU are kept within -50 and 50; of the other functions such inputs give the same
anyway. Source: `NeuralNetwork.proto`, coremltools 9.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.builder import Given
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.sizes import joined, shape_of

_CELL_CLIP = 50.0

_ACTIVATIONS: Mapping[str, str] = {
    "ReLU": "network_relu",
    "linear": "network_linear",
    "scaledTanh": "network_scaled_tanh",
    "sigmoid": "sigmoid",
    "sigmoidHard": "sigmoid_hard",
    "tanh": "tanh",
}
"""The engine's names of the functions that recurrent layers may have."""

_NUMBERS: Mapping[str, tuple[float, float]] = {"scaledTanh": (1.7159, 2 / 3), "sigmoidHard": (0.2, 0.5)}
"""The only `alpha` and `beta` that are supported, which files hold to two digits or more."""

_WITHOUT_NUMBERS: Mapping[str, str] = {"scaledTanh": "scaled_tanh", "sigmoidHard": "sigmoid_hard"}
"""What these are where a file gives no numbers, as coremltools writes them: the scaled one is a tanh.

Source: coremltools 9.0, `converters/mil/mil/ops/tests/iOS14/test_recurrent.py`.
"""

_MIRRORED = frozenset({"sigmoid", "sigmoid_hard"})
"""Functions for which 1 - f(x) is f(-x)."""


def _named(layer: Layer, message: Any) -> str:
    kind = message.WhichOneof("NonlinearityType")
    if kind not in _ACTIVATIONS:
        raise layer.builder.refused("does not run", f"the activation {kind}, which recurrent layers do not have")
    wanted = _NUMBERS.get(kind)
    if wanted is not None:
        found = getattr(message, kind).alpha, getattr(message, kind).beta
        if found == (0, 0):
            return _WITHOUT_NUMBERS[kind]
        if not np.allclose(found, wanted, atol=0.01):
            raise layer.builder.refused("does not run", f"{kind} with {found}, where {wanted} is supported")
    return _ACTIVATIONS[kind]


def _functions(layer: Layer, messages: Sequence[Any], count: int) -> list[str]:
    if len(messages) != count:
        raise layer.builder.fault(f"{len(messages)} activations", expected=str(count))
    return [_named(layer, each) for each in messages]


def _steps(layer: Layer) -> Blob:
    return layer.emit("squeeze", x=layer.x, axes=(-2, -1))


def _state(layer: Layer, x: Blob, place: int, size: int) -> Blob:
    """Return the state that the input at `place` gives, or zeros."""
    if len(layer.inputs) > place:
        return layer.emit("reshape", x=layer.builder.real(layer.inputs[place]), shape=(-1, size))
    return layer.emit("fill", shape=joined(layer, [shape_of(layer, x, 1, 2), (size,)]), value=0.0)


def _sequence(layer: Layer, x: Blob) -> Blob:
    return layer.emit("expand_dims", x=x, axes=(-2, -1))


def _last(layer: Layer, x: Blob) -> Blob:
    return layer.emit("expand_dims", x=x, axes=(0, -2, -1))


def _stacked(layer: Layer, messages: Sequence[Any], shape: tuple[int, int]) -> np.ndarray:
    return np.concatenate([layer.array(each, shape) for each in messages])


def _direction(layer: Layer) -> str:
    return "reverse" if layer.params.reverseInput else "forward"


def _simple(layer: Layer) -> tuple[Blob, ...]:
    params, x = layer.params, _steps(layer)
    layer.needs(1, 2)
    size, width = int(params.outputVectorSize), int(params.inputVectorSize)
    bias = layer.weight(params.biasVector, (size,), "bias") if params.hasBiasVector else None
    states = layer.builder.emit_many(
        "rnn",
        2,
        x=x,
        initial_h=_state(layer, x, 1, size),
        weight_ih=layer.weight(params.weightMatrix, (size, width), "weight_ih"),
        weight_hh=layer.weight(params.recursionMatrix, (size, size), "weight_hh"),
        bias=bias,
        direction=_direction(layer),
        output_sequence=bool(params.sequenceOutput),
        activation=_named(layer, params.activation),
    )
    return _sequence(layer, states[0]), _last(layer, states[1])


def _gru(layer: Layer) -> tuple[Blob, ...]:
    params, x = layer.params, _steps(layer)
    layer.needs(1, 2)
    size, width = int(params.outputVectorSize), int(params.inputVectorSize)
    gate, output = _functions(layer, params.activations, 2)
    inputs, recursions, biases = (
        [getattr(params, f"{name}Gate{part}") for name in ("reset", "output", "update")]
        for part in ("WeightMatrix", "RecursionMatrix", "BiasVector")
    )
    weights: dict[str, Given] = {
        "weight_ih": layer.builder.weight(_stacked(layer, inputs, (size, width)), "weight_ih"),
        "weight_hh": layer.builder.weight(_stacked(layer, recursions, (size, size)), "weight_hh"),
    }
    if params.hasBiasVectors:
        weights["bias"] = layer.builder.weight(_stacked(layer, biases, (1, size)).reshape(-1), "bias")
    states = layer.builder.emit_many(
        "gru",
        2,
        x=x,
        initial_h=_state(layer, x, 1, size),
        **weights,
        direction=_direction(layer),
        output_sequence=bool(params.sequenceOutput),
        recurrent_activation=gate,
        activation=output,
    )
    return _sequence(layer, states[0]), _last(layer, states[1])


_GATES = ("inputGate", "forgetGate", "outputGate", "blockInput")
"""In the order in which MIL has them."""


def _lstm_weights(layer: Layer, message: Any, gate: str) -> dict[str, np.ndarray]:
    """Return the weights of one direction, by the names of MIL's inputs.

    A coupled forget gate is 1 - the input gate, which is the input gate of what has the other sign.
    """
    params, shared = layer.params, layer.params.params
    size, width = int(params.outputVectorSize), int(params.inputVectorSize)
    shapes = {"WeightMatrix": (size, width), "RecursionMatrix": (size, size), "BiasVector": (size,)}
    if shared.coupledInputAndForgetGate and gate not in _MIRRORED:
        raise layer.builder.refused("does not run", f"a coupled forget gate with the activation {gate}")

    def parts(part: str, names: Sequence[str], shape: tuple[int, ...]) -> list[np.ndarray]:
        is_coupled = shared.coupledInputAndForgetGate
        sources = [names[0] if is_coupled and name == "forgetGate" else name for name in names]
        arrays = [layer.array(getattr(message, f"{name}{part}"), shape) for name in sources]
        return [
            -each if is_coupled and name == "forgetGate" else each for name, each in zip(names, arrays, strict=True)
        ]

    matrices = (("weight_ih", "WeightMatrix"), ("weight_hh", "RecursionMatrix"))
    found = {name: np.concatenate(parts(part, _GATES, shapes[part])) for name, part in matrices}
    biases = parts("BiasVector", _GATES, (size,)) if shared.hasBiasVectors else [np.zeros(size, np.float32)] * 4
    if shared.forgetBias and not shared.coupledInputAndForgetGate:
        biases[1] = biases[1] + np.float32(1)
    if shared.hasBiasVectors or shared.forgetBias:
        found["bias"] = np.concatenate(biases)
    if shared.hasPeepholeVectors:
        found["peephole"] = np.concatenate(parts("PeepholeVector", _GATES[:3], (size,)))
    return found


def _unidirectional(layer: Layer) -> tuple[Blob, ...]:
    params, x = layer.params, _steps(layer)
    layer.needs(1, 3)
    size = int(params.outputVectorSize)
    functions = _functions(layer, params.activations, 3)
    weights = _lstm_weights(layer, params.weightParams, functions[0])
    initial = [_state(layer, x, place, size) for place in (1, 2)]
    states = _lstm(layer, x, initial, functions, weights, _direction(layer))
    return _sequence(layer, states[0]), _last(layer, states[1]), _last(layer, states[2])


def _bidirectional(layer: Layer) -> tuple[Blob, ...]:
    params, x = layer.params, _steps(layer)
    layer.needs(1, 5)
    size = int(params.outputVectorSize)
    functions = _functions(layer, params.activationsForwardLSTM, 3)
    if functions != _functions(layer, params.activationsBackwardLSTM, 3) or len(params.weightParams) != 2:
        raise layer.builder.refused("does not run", "two directions of other activations, or not two sets of weights")
    forward, back = (_lstm_weights(layer, each, functions[0]) for each in params.weightParams)
    weights = forward | {f"{name}_back": array for name, array in back.items()}
    states = [_state(layer, x, place, size) for place in range(1, 5)]
    initial = [layer.emit("concat", values=states[place::2], axis=-1) for place in (0, 1)]
    sequence, *last = _lstm(layer, x, initial, functions, weights, "bidirectional")
    halves = [layer.builder.emit_many("split", 2, x=each, axis=-1, num_splits=2) for each in last]
    ends = [_last(layer, half[place]) for place in (0, 1) for half in halves]
    return _sequence(layer, sequence), *ends


def _lstm(
    layer: Layer,
    x: Blob,
    initial: Sequence[Blob],
    functions: Sequence[str],
    weights: Mapping[str, np.ndarray],
    direction: str,
) -> tuple[Blob, ...]:
    shared = layer.params.params
    gate, candidate, output = functions
    return layer.builder.emit_many(
        "lstm",
        3,
        x=x,
        initial_h=initial[0],
        initial_c=initial[1],
        **{name: layer.builder.weight(array, name) for name, array in weights.items()},
        direction=direction,
        output_sequence=bool(shared.sequenceOutput),
        recurrent_activation=gate,
        cell_activation=candidate,
        activation=output,
        clip=float(shared.cellClipThreshold) or _CELL_CLIP,
    )


LAYERS: Mapping[str, Lowering] = {
    "biDirectionalLSTM": _bidirectional,
    "gru": _gru,
    "simpleRecurrent": _simple,
    "uniDirectionalLSTM": _unidirectional,
}

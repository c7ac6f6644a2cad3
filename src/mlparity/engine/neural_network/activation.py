"""Activations: the layer `activation` with its thirteen functions, and those that are layers themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.weights import count_of


def _activation(layer: Layer) -> Blob:
    kind = layer.params.WhichOneof("NonlinearityType")
    if kind is None:
        raise layer.builder.fault("no function")
    return FUNCTIONS[kind](layer, layer.x, getattr(layer.params, kind))


def _plain(op: str, *names: str) -> Callable[[Layer, Blob, Any], Blob]:
    """Return what becomes one op, whose inputs are parameters of the same names."""
    return lambda layer, x, params: layer.emit(op, x=x, **{name: float(getattr(params, name)) for name in names})


def _prelu(layer: Layer, x: Blob, params: Any) -> Blob:
    slope = _by_channel(layer, params.alpha, "alpha")
    if slope.size == 1:
        return layer.emit("leaky_relu", x=x, alpha=float(slope.reshape(())))
    weight = layer.builder.weight(slope, "alpha")
    is_positive = layer.emit("greater_equal", x=x, y=0.0)
    return layer.emit("select", cond=is_positive, a=x, b=layer.emit("mul", x=x, y=weight))


def _parametric_softplus(layer: Layer, x: Blob, params: Any) -> Blob:
    alpha = layer.builder.weight(_by_channel(layer, params.alpha, "alpha"), "alpha")
    beta = layer.builder.weight(_by_channel(layer, params.beta, "beta"), "beta")
    inner = layer.emit("softplus", x=layer.emit("mul", x=x, y=beta))
    return layer.emit("mul", x=inner, y=alpha)


def _by_channel(layer: Layer, message: Any, name: str) -> np.ndarray:
    """Return one number, or one a channel, so that they spread over the axis -3."""
    count = count_of(message)
    channels = layer.x.shape[-3] if layer.rank(layer.x) >= 3 and layer.x.shape is not None else None
    if count != 1 and channels is not None and count != channels:
        raise layer.builder.fault(f"{count} numbers in {name}", expected=f"1 or {channels}")
    return layer.array(message, (count, 1, 1))


FUNCTIONS: Mapping[str, Callable[[Layer, Blob, Any], Blob]] = {
    "ELU": _plain("elu", "alpha"),
    "PReLU": _prelu,
    "ReLU": _plain("relu"),
    "leakyReLU": _plain("leaky_relu", "alpha"),
    "linear": _plain("linear_activation", "alpha", "beta"),
    "parametricSoftplus": _parametric_softplus,
    "scaledTanh": _plain("scaled_tanh", "alpha", "beta"),
    "sigmoid": _plain("sigmoid"),
    "sigmoidHard": _plain("sigmoid_hard", "alpha", "beta"),
    "softplus": _plain("softplus"),
    "softsign": _plain("softsign"),
    "tanh": _plain("tanh"),
    "thresholdedReLU": _plain("thresholded_relu", "alpha"),
}
"""The functions of the layer `activation`. Source: coremltools 9.0, `NeuralNetwork.proto` (`ActivationParams`)."""

_GELU_MODES = ("EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION")


def _clamped_relu(layer: Layer) -> Blob:
    return layer.emit("clamped_relu", x=layer.x, alpha=float(layer.params.alpha), beta=float(layer.params.beta))


LAYERS: Mapping[str, Lowering] = {
    "activation": _activation,
    "clampedReLU": _clamped_relu,
    "gelu": lambda layer: layer.emit("gelu", x=layer.x, mode=_GELU_MODES[layer.params.mode]),
}

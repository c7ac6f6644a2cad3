"""Normalizations of a network, and the softmax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.sizes import on_images

_BATCH_EPSILON = 1e-5
_EPSILON = 1e-6


def _batchnorm(layer: Layer) -> Blob:
    """By the numbers that the layer carries, by those of each image, or by those of the whole batch."""
    params = layer.params
    count = int(params.channels)
    gamma, beta = (layer.weight(message, (count,), name) for message, name in _affine(params))
    given: dict[str, Any] = {"gamma": gamma, "beta": beta, "epsilon": float(params.epsilon) or _BATCH_EPSILON}
    if not params.computeMeanVar:
        mean, variance = (
            layer.weight(params.mean, (count,), "mean"),
            layer.weight(params.variance, (count,), "variance"),
        )
        given |= {"mean": mean, "variance": variance}
        return on_images(layer, layer.x, lambda x: layer.emit("batch_norm", x=x, **given))
    if params.instanceNormalization:
        return on_images(layer, layer.x, lambda x: layer.emit("instance_norm", x=x, **given))
    return on_images(layer, layer.x, lambda x: _over_batch(layer, x, given))


def _affine(params: Any) -> tuple[tuple[Any, str], tuple[Any, str]]:
    return (params.gamma, "gamma"), (params.beta, "beta")


def _over_batch(layer: Layer, x: Blob, given: Mapping[str, Any]) -> Blob:
    axes = (0, 2, 3)
    centred = layer.emit("sub", x=x, y=layer.emit("reduce_mean", x=x, axes=axes, keep_dims=True))
    square = layer.emit("mul", x=centred, y=centred)
    variance = layer.emit("reduce_mean", x=square, axes=axes, keep_dims=True)
    scaled = layer.emit("mul", x=centred, y=layer.emit("rsqrt", x=variance, epsilon=given["epsilon"]))
    gamma, beta = (layer.emit("reshape", x=given[name], shape=(-1, 1, 1)) for name in ("gamma", "beta"))
    return layer.emit("add", x=layer.emit("mul", x=scaled, y=gamma), y=beta)


def _mvn(layer: Layer) -> Blob:
    params = layer.params
    axes = (-3, -2, -1) if params.acrossChannels else (-2, -1)
    if params.normalizeVariance:
        return layer.emit("layer_norm", x=layer.x, axes=axes, epsilon=float(params.epsilon) or _EPSILON)
    return layer.emit("sub", x=layer.x, y=layer.emit("reduce_mean", x=layer.x, axes=axes, keep_dims=True))


def _l2_normalize(layer: Layer) -> Blob:
    return layer.emit("l2_norm", x=layer.x, epsilon=float(layer.params.epsilon) or _EPSILON)


def _lrn(layer: Layer) -> Blob:
    params = layer.params
    given = {"size": int(params.localSize), "alpha": float(params.alpha), "beta": float(params.beta)}
    k = float(params.k) or 1.0
    return on_images(layer, layer.x, lambda x: layer.emit("local_response_norm", x=x, k=k, **given))


def _layer_normalization(layer: Layer) -> Blob:
    params = layer.params
    sizes = tuple(map(int, params.normalizedShape))
    gamma, beta = (layer.weight(message, sizes, name) for message, name in _affine(params))
    axes = tuple(range(-len(sizes), 0))
    return layer.emit("layer_norm", x=layer.x, axes=axes, gamma=gamma, beta=beta, epsilon=float(params.eps))


LAYERS: Mapping[str, Lowering] = {
    "batchnorm": _batchnorm,
    "l2normalize": _l2_normalize,
    "layerNormalization": _layer_normalization,
    "lrn": _lrn,
    "mvn": _mvn,
    "softmax": lambda layer: layer.emit("softmax", x=layer.x, axis=-3),
    "softmaxND": lambda layer: layer.emit("softmax", x=layer.x, axis=int(layer.params.axis)),
}

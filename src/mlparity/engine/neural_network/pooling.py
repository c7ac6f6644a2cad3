"""Pools of a network, over two and three spatial axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.padding import padding_of, padding_of_volume
from mlparity.engine.neural_network.sizes import on_images

_POOLS = ("max_pool", "avg_pool", "l2_pool")
_GLOBAL = ("reduce_max", "reduce_mean", "reduce_l2_norm")


def _pooling(layer: Layer) -> Blob:
    params = layer.params
    if params.globalPooling:
        return layer.emit(_GLOBAL[params.type], x=layer.x, axes=(-2, -1), keep_dims=True)
    given: dict[str, Any] = {
        "kernel_sizes": layer.pair(params.kernelSize, 3),
        "strides": layer.pair(params.stride, 1),
        **padding_of(layer, params.WhichOneof("PoolingPaddingType")),
    }
    if _POOLS[params.type] == "avg_pool":
        given["exclude_padding_from_average"] = bool(params.avgPoolExcludePadding)
    return on_images(layer, layer.x, lambda x: layer.emit(_POOLS[params.type], x=x, **given))


def _pooling3d(layer: Layer) -> Blob:
    params = layer.params
    axes = ("Depth", "Height", "Width")
    kernel, strides = (tuple(getattr(params, f"{name}{axis}") or 1 for axis in axes) for name in ("kernel", "stride"))
    given: dict[str, Any] = {"kernel_sizes": kernel, "strides": strides, **padding_of_volume(params)}
    if _POOLS[params.type] == "avg_pool":
        given["exclude_padding_from_average"] = bool(params.countExcludePadding)
    return layer.emit(_POOLS[params.type], x=layer.x, **given)


def _global_pooling3d(layer: Layer) -> Blob:
    return layer.emit(_GLOBAL[layer.params.type], x=layer.x, axes=(-3, -2, -1), keep_dims=True)


LAYERS: Mapping[str, Lowering] = {
    "globalPooling3d": _global_pooling3d,
    "pooling": _pooling,
    "pooling3d": _pooling3d,
}

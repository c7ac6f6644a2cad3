"""Layers that reduce axes, sort along one, or choose along one."""

from __future__ import annotations

from collections.abc import Mapping

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.sizes import at_least_vector

_EPSILON = 1e-6

_AXES: tuple[tuple[int, ...], ...] = ((-3, -2, -1), (-2, -1), (-3,), (-2,), (-1,))
"""By the number of `ReduceLayerParams.ReduceAxis`."""

_OPS: Mapping[str, str] = {
    "SUM": "reduce_sum",
    "AVG": "reduce_mean",
    "PROD": "reduce_prod",
    "SUMSQUARE": "reduce_sum_square",
    "L1": "reduce_l1_norm",
    "L2": "reduce_l2_norm",
    "MAX": "reduce_max",
    "MIN": "reduce_min",
}


def _reduce(layer: Layer) -> Blob:
    params, axes = layer.params, _AXES[layer.params.axis]
    name = params.ReduceOperation.Name(params.mode)
    if name == "ARGMAX":
        if len(axes) > 1:
            raise layer.builder.fault("ARGMAX over several axes", expected="one axis: C, H or W")
        return layer.emit("reduce_argmax", x=layer.x, axis=axes[0], keep_dims=True)
    if name == "LOGSUM":
        logarithms = layer.emit("log", x=layer.x, epsilon=float(params.epsilon) or _EPSILON)
        return layer.emit("reduce_sum", x=logarithms, axes=axes, keep_dims=True)
    return layer.emit(_OPS[name], x=layer.x, axes=axes, keep_dims=True)


def _reduction(op: str) -> Lowering:
    def lower(layer: Layer) -> Blob:
        params = layer.params
        axes = None if params.reduceAll or not len(params.axes) else tuple(map(int, params.axes))
        return at_least_vector(layer, layer.emit(op, x=layer.x, axes=axes, keep_dims=bool(params.keepDims)))

    return lower


def _extremum(op: str) -> Lowering:
    def lower(layer: Layer) -> Blob:
        params = layer.params
        found = layer.emit(op, x=layer.x, axis=int(params.axis), keep_dims=not params.removeDim)
        return at_least_vector(layer, found)

    return lower


def _top_k(layer: Layer) -> tuple[Blob, ...]:
    params = layer.params
    layer.needs(1, 2)
    count = layer.builder.index(layer.inputs[1]) if len(layer.inputs) == 2 else int(params.K)
    ascending = bool(params.useBottomK)
    return layer.builder.emit_many("topk", 2, x=layer.x, k=count, axis=int(params.axis), ascending=ascending)


def _arg_sort(layer: Layer) -> Blob:
    return layer.emit("argsort", x=layer.x, axis=int(layer.params.axis), ascending=not layer.params.descending)


def _cum_sum(layer: Layer) -> Blob:
    params = layer.params
    layer.needs(1, 2)
    axis = layer.builder.index(layer.inputs[1]) if len(layer.inputs) == 2 else int(params.axis)
    given = {"exclusive": bool(params.excludeFinalSum), "reverse": bool(params.reverse)}
    return layer.emit("cumsum", x=layer.x, axis=axis, **given)


LAYERS: Mapping[str, Lowering] = {
    "argMax": _extremum("reduce_argmax"),
    "argMin": _extremum("reduce_argmin"),
    "argSort": _arg_sort,
    "cumSum": _cum_sum,
    "reduce": _reduce,
    "reduceL1": _reduction("reduce_l1_norm"),
    "reduceL2": _reduction("reduce_l2_norm"),
    "reduceLogSum": _reduction("reduce_log_sum"),
    "reduceLogSumExp": _reduction("reduce_log_sum_exp"),
    "reduceMax": _reduction("reduce_max"),
    "reduceMean": _reduction("reduce_mean"),
    "reduceMin": _reduction("reduce_min"),
    "reduceProd": _reduction("reduce_prod"),
    "reduceSum": _reduction("reduce_sum"),
    "reduceSumSquare": _reduction("reduce_sum_square"),
    "topK": _top_k,
}

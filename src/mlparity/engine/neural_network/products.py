"""Layers that multiply matrices or look rows up in one: inner products, matrix products, embeddings, dot products."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.sizes import reshaped, shape_of

_INT8 = 127.0


def _inner_product(layer: Layer) -> Blob:
    """The last axis for rank 1 to 3, the last three together for rank 4 and 5."""
    params, x = layer.params, layer.x
    rank = layer.rank(x)
    weight = layer.weight(params.weights, (params.outputChannels, params.inputChannels), "weight")
    bias = layer.weight(params.bias, (params.outputChannels,), "bias") if params.hasBias else None
    if rank >= 4:
        x = reshaped(layer, x, shape_of(layer, x, 0, rank - 3), (int(params.inputChannels),))
    y = _linear(layer, x, weight, bias)
    return layer.emit("expand_dims", x=y, axes=(-2, -1)) if rank >= 4 else y


def _linear(layer: Layer, x: Blob, weight: Blob, bias: Blob | None) -> Blob:
    if not layer.params.int8DynamicQuantize:
        return layer.emit("linear", x=x, weight=weight, bias=bias)
    scale = _int8_scale(layer, x)
    rounded = layer.emit("round", x=layer.emit("real_div", x=x, y=scale))
    product = layer.emit("mul", x=layer.emit("linear", x=rounded, weight=weight), y=scale)
    return product if bias is None else layer.emit("add", x=product, y=bias)


def _int8_scale(layer: Layer, x: Blob) -> Blob:
    """What one step of int8 stands for, with the greatest magnitude of `x` as 127 (assumed)."""
    largest = layer.emit("reduce_max", x=layer.emit("abs", x=x), keep_dims=True)
    return layer.emit("real_div", x=layer.emit("maximum", x=largest, y=1e-4), y=_INT8)


def _batched_matmul(layer: Layer) -> Blob:
    params = layer.params
    layer.needs(1, 2)
    if len(layer.inputs) == 1:
        rows, columns = int(params.weightMatrixFirstDimension), int(params.weightMatrixSecondDimension)
        weight = layer.weight(params.weights, (columns, rows), "weight")  # columns lie one after the other
        bias = layer.weight(params.bias, (columns,), "bias") if params.hasBias else None
        return _linear(layer, layer.x, weight, bias)
    x, y = map(layer.builder.real, layer.inputs)
    x = layer.emit("expand_dims", x=x, axes=(0,)) if layer.rank(x) == 1 else x
    y = layer.emit("expand_dims", x=y, axes=(-1,)) if layer.rank(y) == 1 else y
    transposed = {"transpose_x": bool(params.transposeA), "transpose_y": bool(params.transposeB)}
    return layer.emit("matmul", x=x, y=y, **transposed)


def _embedding(layer: Layer) -> Blob:
    params = layer.params
    rows = _rows(layer, int(params.outputChannels), int(params.inputDim), axes=(-3, -2, -1))
    return layer.emit("expand_dims", x=rows, axes=(-2, -1))


def _embedding_nd(layer: Layer) -> Blob:
    return _rows(layer, int(layer.params.embeddingSize), int(layer.params.vocabSize), axes=(-1,))


def _rows(layer: Layer, size: int, count: int, axes: tuple[int, ...]) -> Blob:
    """The row of the table for each index; `axes` of the indices have one element each, and are left out."""
    params = layer.params
    layer.needs(1, 1)
    table = np.ascontiguousarray(layer.array(params.weights, (size, count)).T)
    indices = layer.builder.index(layer.emit("squeeze", x=layer.raw, axes=axes))
    rows = layer.emit("gather", x=layer.builder.weight(table, "weight"), indices=indices, axis=0)
    if not params.hasBias:
        return rows
    return layer.emit("add", x=rows, y=layer.weight(params.bias, (size,), "bias"))


def _dot(layer: Layer) -> Blob:
    layer.needs(2, 2)
    x, y = map(layer.builder.real, layer.inputs)
    product = layer.emit("reduce_sum", x=layer.emit("mul", x=x, y=y), axes=(-3,), keep_dims=True)
    if not layer.params.cosineSimilarity:
        return product
    lengths = [layer.emit("reduce_l2_norm", x=each, axes=(-3,), keep_dims=True) for each in (x, y)]
    return layer.emit("real_div", x=product, y=layer.emit("mul", x=lengths[0], y=lengths[1]))


LAYERS: Mapping[str, Lowering] = {
    "batchedMatmul": _batched_matmul,
    "dot": _dot,
    "embedding": _embedding,
    "embeddingND": _embedding_nd,
    "innerProduct": _inner_product,
}

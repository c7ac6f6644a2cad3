"""Layers that take, put, mask or choose elements: slices, gathers, scatters, bands of matrices, boxes."""

from __future__ import annotations

from collections.abc import Mapping

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.builder import Given
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.sizes import at_least_vector, joined

_SCATTER_MODES = ("update", "add", "sub", "mul", "div", "max", "min")
"""MIL's names, by the number of `ScatterMode`."""

_SLICE_AXES = (-3, -2, -1)


def _slice(layer: Layer) -> Blob:
    """A range of channels, rows or columns."""
    params, rank = layer.params, layer.rank(layer.raw)
    axis = layer.axis(_SLICE_AXES[params.axis], rank)
    free = tuple(each != axis for each in range(rank))
    first, last, step = int(params.startIndex), int(params.endIndex), int(params.stride) or 1
    return layer.emit(
        "slice_by_index",
        x=layer.raw,
        begin=_at(axis, rank, first, 0),
        end=_at(axis, rank, last, 0),
        stride=_at(axis, rank, step, 1),
        begin_mask=free,
        end_mask=free,
    )


def _at(axis: int, rank: int, value: int, others: int) -> tuple[int, ...]:
    return tuple(value if each == axis else others for each in range(rank))


_BOUNDS = ("end", "stride", "begin_mask", "end_mask", "squeeze_mask")
_FIELDS = ("endIds", "strides", "beginMasks", "endMasks", "squeezeMasks")


def _slice_static(layer: Layer) -> Blob:
    return _sliced(layer, tuple(map(int, layer.params.beginIds)), {})


def _slice_dynamic(layer: Layer) -> Blob:
    layer.needs(2, 7)
    begin, *others = map(layer.builder.index, layer.inputs[1:])
    return _sliced(layer, begin, dict(zip(_BOUNDS, others, strict=False)))


def _sliced(layer: Layer, begin: Given, computed: Mapping[str, Given]) -> Blob:
    """Slice; coremltools writes five numbers of each kind where the source gave none, whatever the rank."""
    rank = layer.rank(layer.raw)
    given: dict[str, Given] = {"begin": begin}
    for name, field in zip(_BOUNDS, _FIELDS, strict=True):
        values = getattr(layer.params, field)
        if len(values):
            given[name] = tuple(values)[:rank]
    given.setdefault("end", (0,) * rank)
    return at_least_vector(layer, layer.emit("slice_by_index", x=layer.raw, **(given | dict(computed))))


def _slice_by_size(layer: Layer) -> Blob:
    layer.needs(2, 2)
    rank, begin = layer.rank(layer.raw), layer.builder.index(layer.inputs[1])
    axis = layer.axis(int(layer.params.axis), rank)
    first = layer.emit("reshape", x=begin, shape=(1,))
    start = joined(layer, [(0,) * axis, first, (0,) * (rank - axis - 1)])
    size = _at(axis, rank, int(layer.params.size), -1)
    return layer.emit("slice_by_size", x=layer.raw, begin=start, size=size)


def _gather(op: str) -> Lowering:
    def lower(layer: Layer) -> Blob:
        layer.needs(2, 2)
        return layer.emit(op, x=layer.raw, indices=layer.builder.index(layer.inputs[1]), axis=int(layer.params.axis))

    return lower


def _gather_nd(layer: Layer) -> Blob:
    layer.needs(2, 2)
    return layer.emit("gather_nd", x=layer.raw, indices=layer.builder.index(layer.inputs[1]))


def _scatter(op: str, *, has_axis: bool = True) -> Lowering:
    def lower(layer: Layer) -> Blob:
        layer.needs(3, 3)
        data, indices, updates = layer.inputs
        given: dict[str, Given] = {"axis": int(layer.params.axis)} if has_axis else {}
        real = layer.builder.real
        parts = {"data": real(data), "indices": layer.builder.index(indices), "updates": real(updates)}
        return layer.emit(op, **parts, mode=_SCATTER_MODES[layer.params.mode], **given)

    return lower


def _where(layer: Layer) -> Blob:
    layer.needs(3, 3)
    condition, x, y = layer.inputs
    if x.type.dtype != y.type.dtype:
        x, y = layer.builder.real(x), layer.builder.real(y)
    return layer.emit("select", cond=layer.builder.truth(condition), a=x, b=y)


def _where_non_zero(layer: Layer) -> Blob:
    return layer.emit("non_zero", x=layer.raw)


def _band(layer: Layer) -> Blob:
    lower, upper = (max(int(each), -1) for each in (layer.params.numLower, layer.params.numUpper))
    return layer.emit("band_part", x=layer.x, lower=lower, upper=upper)


def _lower_triangular(layer: Layer) -> Blob:
    """Elements up to `k` to the right of the diagonal; for `k` below 0, all but those from there on."""
    k = int(layer.params.k)
    return _band_of(layer, -1, k) if k >= 0 else _without_band(layer, -k - 1, -1)


def _upper_triangular(layer: Layer) -> Blob:
    k = int(layer.params.k)
    return _band_of(layer, -k, -1) if k <= 0 else _without_band(layer, -1, k - 1)


def _band_of(layer: Layer, lower: int, upper: int) -> Blob:
    return layer.emit("band_part", x=layer.x, lower=lower, upper=upper)


def _without_band(layer: Layer, lower: int, upper: int) -> Blob:
    ones = layer.emit("fill_like", ref_tensor=layer.x, value=1.0)
    inside = layer.builder.truth(layer.emit("band_part", x=ones, lower=lower, upper=upper))
    return layer.emit("select", cond=inside, a=0.0, b=layer.x)


def _one_hot(layer: Layer) -> Blob:
    params = layer.params
    layer.needs(1, 2)
    size = layer.builder.index(layer.inputs[1]) if len(layer.inputs) == 2 else int(params.oneHotVectorSize)
    indices, values = layer.builder.index(layer.inputs[0]), (float(params.onValue), float(params.offValue))
    given: dict[str, Given] = {"one_hot_vector_size": size, "axis": int(params.axis)}
    return layer.emit("one_hot", indices=indices, **given, on_value=values[0], off_value=values[1])


def _non_maximum_suppression(layer: Layer) -> tuple[Blob, ...]:
    params = layer.params
    layer.needs(2, 5)
    boxes, scores, *others = layer.inputs
    given: dict[str, Given] = {
        "iou_threshold": float(params.iouThreshold),
        "score_threshold": float(params.scoreThreshold),
        "max_boxes": int(params.maxBoxes),
    }
    names = ("iou_threshold", "score_threshold", "max_boxes")
    given |= dict(zip(names, map(layer.builder.real, others[:2]), strict=False))
    if len(others) == 3:
        given["max_boxes"] = layer.builder.index(others[2])
    real = layer.builder.real
    per_class = bool(params.perClassSuppression)
    parts = {"boxes": real(boxes), "scores": real(scores)}
    return layer.builder.emit_many("non_maximum_suppression", 4, **parts, **given, per_class_suppression=per_class)


LAYERS: Mapping[str, Lowering] = {
    "NonMaximumSuppression": _non_maximum_suppression,
    "gather": _gather("gather"),
    "gatherAlongAxis": _gather("gather_along_axis"),
    "gatherND": _gather_nd,
    "lowerTriangular": _lower_triangular,
    "matrixBandPart": _band,
    "oneHot": _one_hot,
    "scatter": _scatter("scatter"),
    "scatterAlongAxis": _scatter("scatter_along_axis"),
    "scatterND": _scatter("scatter_nd", has_axis=False),
    "slice": _slice,
    "sliceBySize": _slice_by_size,
    "sliceDynamic": _slice_dynamic,
    "sliceStatic": _slice_static,
    "upperTriangular": _upper_triangular,
    "whereBroadcastable": _where,
    "whereNonZero": _where_non_zero,
}

"""Layers that crop or resize images, or boxes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.padding import borders
from mlparity.engine.neural_network.sizes import joined, shape_of

_SAMPLING = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS")
"""MIL's names, by the number of `SamplingMode.Method`."""

_BOXES = ("CORNERS_HEIGHT_FIRST", "CORNERS_WIDTH_FIRST", "CENTER_SIZE_HEIGHT_FIRST", "CENTER_SIZE_WIDTH_FIRST")
"""MIL's names, by the number of `BoxCoordinatesMode.Coordinates`."""

_LINEAR: tuple[Mapping[str, bool], ...] = (
    {"align_corners": False, "half_pixel_centers": False},
    {"align_corners": True, "half_pixel_centers": False},
    {"align_corners": False, "half_pixel_centers": True},
)
"""By the number of `UpsampleLayerParams.LinearUpsampleMode`."""


def _upsample(layer: Layer) -> Blob:
    params = layer.params
    factors = params.fractionalScalingFactor if len(params.fractionalScalingFactor) else params.scalingFactor
    if len(factors) not in (0, 2):
        raise layer.builder.fault(f"{len(factors)} factors", expected="2, for height and width")
    height, width = map(float, factors) if len(factors) else (1.0, 1.0)
    given: dict[str, Any] = {"scale_factor_height": height, "scale_factor_width": width}
    if params.mode == 0:
        return layer.emit("upsample_nearest_neighbor", x=layer.x, **given)
    return layer.emit("upsample_bilinear", x=layer.x, **given, **_LINEAR[params.linearUpsampleMode])


def _resize_bilinear(layer: Layer) -> Blob:
    params = layer.params
    height, width = layer.pair(params.targetSize, 1)
    given: dict[str, Any] = {"target_size_height": height, "target_size_width": width}
    return layer.emit("resize_bilinear", x=layer.x, **given, sampling_mode=_SAMPLING[params.mode.samplingMethod])


def _crop_resize(layer: Layer) -> Blob:
    params = layer.params
    layer.needs(2, 2)
    x, boxes = map(layer.builder.real, layer.inputs)
    if layer.rank(x) == 5:
        x = layer.emit("squeeze", x=x, axes=(0,))
    height, width = layer.pair(params.targetSize, 1)
    return layer.emit(
        "crop_resize",
        x=x,
        roi=boxes,
        target_height=height,
        target_width=width,
        normalized_coordinates=bool(params.normalizedCoordinates),
        spatial_scale=float(params.spatialScale) or 1.0,
        box_coordinate_mode=_BOXES[params.boxIndicesMode.boxMode],
        sampling_mode=_SAMPLING[params.mode.samplingMethod],
    )


def _crop(layer: Layer) -> Blob:
    layer.needs(1, 2)
    if len(layer.inputs) == 1:
        top, bottom, left, right = borders(layer, layer.params.cropAmounts)
        return layer.emit("crop", x=layer.raw, crop_height=(top, bottom), crop_width=(left, right))
    offset, rank = layer.pair(layer.params.offset, 0), layer.rank(layer.raw)
    size = joined(layer, [(-1,) * (rank - 2), shape_of(layer, layer.inputs[1], -2)])
    return layer.emit("slice_by_size", x=layer.raw, begin=(*(0,) * (rank - 2), *offset), size=size)


LAYERS: Mapping[str, Lowering] = {
    "crop": _crop,
    "cropResize": _crop_resize,
    "resizeBilinear": _resize_bilinear,
    "upsample": _upsample,
}

"""Convolutions of a network, over two and three spatial axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.padding import Padding, padding_of, padding_of_volume
from mlparity.engine.neural_network.sizes import on_images


def _convolution(layer: Layer) -> Blob:
    """A convolution, or one backwards, which is dilated too, against what the specification says.

    Source of that: coremltools 9.0, `converters/mil/mil/ops/tests/iOS14/test_conv.py` (`TestConvTranspose`).
    """
    params = layer.params
    layer.needs(1, 2)
    kernel = layer.pair(params.kernelSize, 3)
    given: dict[str, Any] = {
        "strides": layer.pair(params.stride, 1),
        "dilations": layer.pair(params.dilationFactor, 1),
        "groups": int(params.nGroups) or 1,
        "bias": _bias(layer),
        **padding_of(layer, params.WhichOneof("ConvolutionPaddingType")),
    }
    if params.isDeconvolution:
        if len(params.outputShape):
            given["output_shape"] = (1, int(params.outputChannels), *layer.pair(params.outputShape, 1))
        shape = (params.kernelChannels, params.outputChannels // given["groups"], *kernel)
        given["weight"] = layer.weight(params.weights, shape, "weight", channel_axis=1)
        return on_images(layer, layer.x, lambda x: layer.emit("conv_transpose", x=x, **given))
    given["weight"] = _kernel(layer, (params.outputChannels, params.kernelChannels, *kernel))
    return on_images(layer, layer.x, lambda x: layer.emit("conv", x=x, **given))


def _kernel(layer: Layer, shape: tuple[int, ...]) -> Blob:
    if len(layer.inputs) == 2:
        return layer.builder.real(layer.inputs[1])
    return layer.weight(layer.params.weights, shape, "weight")


def _bias(layer: Layer) -> Blob | None:
    params = layer.params
    return layer.weight(params.bias, (params.outputChannels,), "bias") if params.hasBias else None


def _convolution3d(layer: Layer) -> Blob:
    params = layer.params
    axes = ("Depth", "Height", "Width")
    kernel, strides, dilations = (
        tuple(getattr(params, f"{name}{axis}") or 1 for axis in axes) for name in ("kernel", "stride", "dilation")
    )
    groups = params.nGroups or 1
    padding: Padding = padding_of_volume(params)
    given: dict[str, Any] = {"strides": strides, "dilations": dilations, "groups": groups}
    given |= {"bias": _bias(layer), **padding}
    if params.isDeconvolution:
        if len(params.outputShape):
            given["output_shape"] = (1, params.outputChannels, *map(int, params.outputShape))
        shape = (params.inputChannels, params.outputChannels // groups, *kernel)
        weight = layer.weight(params.weights, shape, "weight", channel_axis=1)
        return layer.emit("conv_transpose", x=layer.x, weight=weight, **given)
    weight = layer.weight(params.weights, (params.outputChannels, params.inputChannels // groups, *kernel), "weight")
    return layer.emit("conv", x=layer.x, weight=weight, **given)


LAYERS: Mapping[str, Lowering] = {"convolution": _convolution, "convolution3d": _convolution3d}

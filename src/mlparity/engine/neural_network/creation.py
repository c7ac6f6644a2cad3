"""Layers that make tensors: constants, filled ones, ranges, per-channel scales and biases, random numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.builder import Given
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.sizes import shape_of

_EPSILON = 1e-10


def _load_constant(layer: Layer) -> Blob:
    shape = tuple(map(int, layer.params.shape))
    if len(shape) != 3:
        raise layer.builder.fault(f"a shape of {len(shape)} sizes", expected="channels, height and width")
    return layer.builder.constant(layer.array(layer.params.data, (1, 1, *shape)))


def _load_constant_nd(layer: Layer) -> Blob:
    return layer.builder.constant(layer.array(layer.params.data, tuple(map(int, layer.params.shape))))


def _scale(layer: Layer) -> Blob:
    params = layer.params
    scaled = layer.emit("mul", x=layer.x, y=_spread(layer, params.scale, params.shapeScale, "scale"))
    if not params.hasBias:
        return scaled
    return layer.emit("add", x=scaled, y=_spread(layer, params.bias, params.shapeBias, "bias"))


def _bias(layer: Layer) -> Blob:
    return layer.emit("add", x=layer.x, y=_spread(layer, layer.params.bias, layer.params.shape, "bias"))


def _spread(layer: Layer, message: Any, sizes: Any, name: str) -> Blob:
    """Return numbers of the shape [1], [C], [1, H, W] or [C, H, W] as channels, height and width."""
    shape = tuple(map(int, sizes))
    if len(shape) not in (1, 3):
        raise layer.builder.fault(f"the shape {list(shape)} of {name}", expected="[1], [C], [1, H, W] or [C, H, W]")
    return layer.weight(message, shape if len(shape) == 3 else (*shape, 1, 1), name)


def _fill_static(layer: Layer) -> Blob:
    return layer.emit("fill", shape=_static(layer, "targetShape"), value=float(layer.params.value))


def _fill_like(layer: Layer) -> Blob:
    return layer.emit("fill", shape=shape_of(layer, layer.raw), value=float(layer.params.value))


def _fill_dynamic(layer: Layer) -> Blob:
    return layer.emit("fill", shape=_second(layer), value=float(layer.params.value))


def _static(layer: Layer, field: str) -> tuple[int, ...]:
    return tuple(map(int, getattr(layer.params, field)))


def _second(layer: Layer) -> Blob:
    layer.needs(1, 1)
    return layer.builder.index(layer.inputs[0])


def _range_static(layer: Layer) -> Blob:
    params = layer.params
    start, end, step = float(params.startValue), float(params.endValue), float(params.stepSizeValue) or 1.0
    return layer.emit("range_1d", start=start, end=end, step=step)


def _range_dynamic(layer: Layer) -> Blob:
    """The inputs are, in this order, the end, the start and the step."""
    layer.needs(1, 3)
    params = layer.params
    values: list[Given] = [layer.emit("reshape", x=layer.builder.real(each), shape=()) for each in layer.inputs]
    defaults: list[Given] = [0.0, float(params.startValue), float(params.stepSizeValue) or 1.0]
    end, start, step = (*values, *defaults[len(values) :])
    return layer.emit("range_1d", start=start, end=end, step=step)


_Shape = Callable[[Layer], Given]

_SHAPES: Mapping[str, _Shape] = {
    "Dynamic": _second,
    "Like": lambda layer: shape_of(layer, layer.raw),
    "Static": lambda layer: _static(layer, "outputShape"),
}


def _random(op: str, shape: _Shape, names: Mapping[str, str]) -> Lowering:
    """Return what draws numbers; `names` are MIL's names of parameters by the specification's."""

    def lower(layer: Layer) -> Blob:
        given = {mil: float(getattr(layer.params, name)) for name, mil in names.items()}
        return layer.emit(op, shape=shape(layer), seed=int(layer.params.seed), **given)

    return lower


_DISTRIBUTIONS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "Bernoulli": ("random_bernoulli", {"prob": "prob"}),
    "Normal": ("random_normal", {"mean": "mean", "stdDev": "stddev"}),
    "Uniform": ("random_uniform", {"minVal": "low", "maxVal": "high"}),
}


def _categorical(layer: Layer) -> Blob:
    """Classes drawn from logits or probabilities, which a temperature sharpens or flattens."""
    params, x = layer.params, layer.x
    temperature = float(params.temperature) or 1.0
    mode = "logits" if params.isLogits else "probs"
    if temperature != 1.0:
        logits = x if params.isLogits else layer.emit("log", x=x, epsilon=float(params.eps) or _EPSILON)
        x, mode = layer.emit("real_div", x=logits, y=temperature), "logits"
    return layer.emit("random_categorical", x=x, mode=mode, size=int(params.numSamples), seed=int(params.seed))


LAYERS: Mapping[str, Lowering] = {
    **{
        f"random{name}{kind}": _random(op, shape, names)
        for name, (op, names) in _DISTRIBUTIONS.items()
        for kind, shape in _SHAPES.items()
    },
    "bias": _bias,
    "categoricalDistribution": _categorical,
    "fillDynamic": _fill_dynamic,
    "fillLike": _fill_like,
    "fillStatic": _fill_static,
    "loadConstant": _load_constant,
    "loadConstantND": _load_constant_nd,
    "rangeDynamic": _range_dynamic,
    "rangeStatic": _range_static,
    "scale": _scale,
}

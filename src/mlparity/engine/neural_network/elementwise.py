"""Layers that compute each element from the elements in its place: of one input, of two, or of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

from mlparity.engine.neural_network.blob import FLOATS, Blob
from mlparity.engine.neural_network.layer import Layer, Lowering

_UNARY_EPSILON = 1e-6


def _over_all(op: str) -> Lowering:
    """Return what combines all inputs, or the one input with the number `alpha`."""

    def lower(layer: Layer) -> Blob:
        layer.needs(1)
        if len(layer.inputs) == 1:
            return layer.emit(op, x=layer.x, y=float(layer.params.alpha))
        return _combined(layer, op)

    return lower


def _combined(layer: Layer, op: str) -> Blob:
    return reduce(lambda x, y: layer.emit(op, x=x, y=y), map(layer.builder.real, layer.inputs))


def _extreme(op: str) -> Lowering:
    def lower(layer: Layer) -> Blob:
        layer.needs(1)
        return layer.emit("identity", x=layer.x) if len(layer.inputs) == 1 else _combined(layer, op)

    return lower


def _average(layer: Layer) -> Blob:
    layer.needs(1)
    return layer.emit("real_div", x=_combined(layer, "add"), y=float(len(layer.inputs)))


def _binary(op: str) -> Lowering:
    """Return what combines two inputs as floating numbers."""

    def lower(layer: Layer) -> Blob:
        layer.needs(2, 2)
        x, y = map(layer.builder.real, layer.inputs)
        return layer.emit(op, x=x, y=y)

    return lower


def _comparison(op: str) -> Lowering:
    """Return what compares two inputs, or the one input with the number `alpha`."""

    def lower(layer: Layer) -> Blob:
        layer.needs(1, 2)
        if len(layer.inputs) == 1:
            return layer.emit(op, x=layer.x, y=float(layer.params.alpha))
        x, y = layer.inputs
        if x.type.dtype != y.type.dtype or x.type.dtype not in (*FLOATS, "int32"):
            x, y = layer.builder.real(x), layer.builder.real(y)
        return layer.emit(op, x=x, y=y)

    return lower


def _logical(op: str) -> Lowering:
    def lower(layer: Layer) -> Blob:
        layer.needs(2, 2)
        x, y = map(layer.builder.truth, layer.inputs)
        return layer.emit(op, x=x, y=y)

    return lower


def _not(layer: Layer) -> Blob:
    layer.needs(1, 1)
    return layer.emit("logical_not", x=layer.builder.truth(layer.inputs[0]))


def _function(op: str) -> Lowering:
    return lambda layer: layer.emit(op, x=layer.x)


def _clip(layer: Layer) -> Blob:
    return layer.emit("clip", x=layer.x, alpha=float(layer.params.minVal), beta=float(layer.params.maxVal))


def _asinh(layer: Layer) -> Blob:
    """sign(x) log(|x| + sqrt(x^2 + 1)): MIL has no op of its own for it."""
    size = layer.emit("abs", x=layer.x)
    root = layer.emit("sqrt", x=layer.emit("add", x=layer.emit("mul", x=size, y=size), y=1.0))
    logarithm = layer.emit("log", x=layer.emit("add", x=size, y=root), epsilon=0.0)
    return layer.emit("mul", x=layer.emit("sign", x=layer.x), y=logarithm)


def _acosh(layer: Layer) -> Blob:
    """log(x + sqrt(x^2 - 1)): MIL has no op of its own for it."""
    x = layer.x
    root = layer.emit("sqrt", x=layer.emit("sub", x=layer.emit("mul", x=x, y=x), y=1.0))
    return layer.emit("log", x=layer.emit("add", x=x, y=root), epsilon=0.0)


def _unary(layer: Layer) -> Blob:
    """One of eight functions of `scale * x + shift`.

    A logarithm is of a sum with epsilon too, against what the specification says, but has none by default. Source of
    that: coremltools 9.0, `converters/mil/mil/ops/tests/iOS14/test_elementwise_unary.py` (`stress_with_epsilon`).
    """
    params, x = layer.params, layer.x
    scale = float(params.scale) if params.scale else 1.0
    if scale != 1.0 or params.shift:
        x = layer.emit("linear_activation", x=x, alpha=scale, beta=float(params.shift))
    name = params.Operation.Name(params.type)
    return _UNARY[name](layer, x, float(params.alpha), float(params.epsilon) or _UNARY_EPSILON)


_UNARY: Mapping[str, Callable[[Layer, Blob, float, float], Blob]] = {
    "SQRT": lambda layer, x, _alpha, _epsilon: layer.emit("sqrt", x=x),
    "RSQRT": lambda layer, x, _alpha, epsilon: layer.emit("rsqrt", x=x, epsilon=epsilon),
    "INVERSE": lambda layer, x, _alpha, epsilon: layer.emit("inverse", x=x, epsilon=epsilon),
    "POWER": lambda layer, x, alpha, _epsilon: layer.emit("pow", x=x, y=alpha),
    "EXP": lambda layer, x, _alpha, _epsilon: layer.emit("exp", x=x),
    "LOG": lambda layer, x, _alpha, _epsilon: layer.emit("log", x=x, epsilon=float(layer.params.epsilon)),
    "ABS": lambda layer, x, _alpha, _epsilon: layer.emit("abs", x=x),
    "THRESHOLD": lambda layer, x, alpha, _epsilon: layer.emit("threshold", x=x, alpha=alpha),
}

_FUNCTIONS = "acos asin atan atanh ceil cos cosh erf exp2 floor round sign sin sinh tan tanh"

LAYERS: Mapping[str, Lowering] = {
    **{name: _function(name) for name in _FUNCTIONS.split()},
    "acosh": _acosh,
    "add": _over_all("add"),
    "addBroadcastable": _binary("add"),
    "asinh": _asinh,
    "average": _average,
    "clip": _clip,
    "divideBroadcastable": _binary("real_div"),
    "equal": _comparison("equal"),
    "floorDivBroadcastable": _binary("floor_div"),
    "greaterEqual": _comparison("greater_equal"),
    "greaterThan": _comparison("greater"),
    "lessEqual": _comparison("less_equal"),
    "lessThan": _comparison("less"),
    "logicalAnd": _logical("logical_and"),
    "logicalNot": _not,
    "logicalOr": _logical("logical_or"),
    "logicalXor": _logical("logical_xor"),
    "max": _extreme("maximum"),
    "maxBroadcastable": _binary("maximum"),
    "min": _extreme("minimum"),
    "minBroadcastable": _binary("minimum"),
    "modBroadcastable": _binary("mod"),
    "multiply": _over_all("mul"),
    "multiplyBroadcastable": _binary("mul"),
    "notEqual": _comparison("not_equal"),
    "powBroadcastable": _binary("pow"),
    "subtractBroadcastable": _binary("sub"),
    "unary": _unary,
}

"""What of a unit profile shows in given ops: profiles that differ only elsewhere give the same numbers."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import replace

from mlparity.engine.mil.program import Argument, Name, Op, TensorType, ValueType
from mlparity.engine.numerics.accumulators import FixedPoint
from mlparity.engine.numerics.mlx_winograd import WinogradFp16
from mlparity.engine.numerics.numerics import IDEAL
from mlparity.engine.numerics.products import PLAIN, Products
from mlparity.engine.numerics.unit_profiles import UnitProfile

Effect = tuple[Hashable, ...]
"""Equal for profiles of one processor that compute the ops alike."""

Types = Mapping[str, ValueType]
"""The type of each name of a function."""

_QUANTIZED = frozenset({"quantize", "dequantize", "conv_quantized"})


def effect_of(unit_profile: UnitProfile, ops: Collection[Op], declared: Types) -> Effect:
    """Return the switches of `unit_profile` that these fp16-typed ops see; `declared` are the types of their function.

    A function that is looked up is seen by the op of its name; a transform of convolutions, by dense ones of 3 by 3
    without stride, told by the shapes: they take at most two off.
    """
    types = {op.type for op in ops}
    arithmetic = unit_profile.profile.arithmetics.get("fp16", IDEAL)
    return (
        unit_profile.processor,
        id(arithmetic.rounding),
        _products(arithmetic.products, any(_may_be_transformed(op, declared) for op in ops)),
        _seen(arithmetic.unaries, types),
        _seen(arithmetic.overrides, types),
        arithmetic.absorbs_nan,
        arithmetic.sums_int8 and bool(types & _QUANTIZED),
        unit_profile.profile.accum,
    )


def _products(products: Products, are_transformed: bool) -> Products:
    if isinstance(products, FixedPoint) and not are_transformed:
        return replace(products, winograd=False)
    if isinstance(products, WinogradFp16) and not are_transformed:
        return PLAIN
    return products


def _may_be_transformed(op: Op, declared: Types) -> bool:
    """Return whether the op is a dense convolution of 3 by 3 without stride, or may be one."""
    if op.type not in ("conv", "conv_quantized"):
        return False
    shapes = [_shape(argument, declared) for argument in op.inputs.get("weight", ())]
    inputs = [_shape(argument, declared) for argument in op.inputs.get("x", ())]
    results = [output.type.shape for output in op.outputs if isinstance(output.type, TensorType)]
    known = [shape for shape in (*shapes, *inputs, *results) if shape is not None and None not in shape]
    if len(known) < 3 or len(known[0]) < 4:
        return True
    weight, x, y = known
    is_grouped = weight[1] != x[1]
    return weight[2:] == (3, 3) and not is_grouped and all((y[axis] or 0) >= (x[axis] or 0) - 2 for axis in (2, 3))


def _shape(argument: Argument, declared: Types) -> tuple[int | None, ...] | None:
    found = declared.get(argument.name) if isinstance(argument, Name) else argument.type
    return found.shape if isinstance(found, TensorType) else None


def _seen(functions: Mapping[str, object], types: set[str]) -> frozenset[tuple[str, int]]:
    return frozenset((name, id(function)) for name, function in functions.items() if name in types)

"""What of a member shows in given ops: members that differ elsewhere alone give the same numbers, and are run once."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import replace

from mlparity.engine.mil.program import Argument, Name, Op, TensorType, ValueType
from mlparity.engine.numerics.accumulators import FixedPoint
from mlparity.engine.numerics.members import Member
from mlparity.engine.numerics.numerics import IDEAL
from mlparity.engine.numerics.products import Products

Effect = tuple[Hashable, ...]
"""Equal for members of one processor that compute the ops alike."""

Types = Mapping[str, ValueType]
"""The type of each name of a function."""

_QUANTIZED = frozenset({"quantize", "dequantize", "conv_quantized"})


def effect_of(member: Member, ops: Collection[Op], declared: Types) -> Effect:
    """Return the switches of `member` that these fp16-typed ops see; `declared` are the types of their function.

    A function that is looked up is seen by the op of its name; a transform of convolutions, by those of 3 by 3.
    """
    types = {op.type for op in ops}
    arithmetic = member.profile.arithmetics.get("fp16", IDEAL)
    return (
        member.processor,
        id(arithmetic.rounding),
        _products(arithmetic.products, any(_may_be_transformed(op, declared) for op in ops)),
        _seen(arithmetic.unaries, types),
        _seen(arithmetic.overrides, types),
        arithmetic.absorbs_nan,
        arithmetic.sums_int8 and bool(types & _QUANTIZED),
        member.profile.accum,
    )


def _products(products: Products, are_transformed: bool) -> Products:
    if isinstance(products, FixedPoint) and not are_transformed:
        return replace(products, winograd=False)
    return products


def _may_be_transformed(op: Op, declared: Types) -> bool:
    """Return whether the op is a convolution of 3 by 3, or may be one: the transform applies to some of these."""
    if op.type not in ("conv", "conv_quantized"):
        return False
    shapes = [_shape(each, declared) for each in op.inputs.get("weight", ())]
    return all(shape is None or shape[2:] == (3, 3) for shape in shapes)


def _shape(argument: Argument, declared: Types) -> tuple[int | None, ...] | None:
    found = declared.get(argument.name) if isinstance(argument, Name) else argument.type
    return found.shape if isinstance(found, TensorType) else None


def _seen(functions: Mapping[str, object], types: set[str]) -> frozenset[tuple[str, int]]:
    return frozenset((name, id(function)) for name, function in functions.items() if name in types)

"""What a unit makes of whole steps: it may read NaN as infinity, override an op, or sum int8 products as integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mlparity.engine.mil.program import Op
from mlparity.engine.numerics import Arithmetic, Numerics
from mlparity.engine.numerics.exact_products import ExactProducts
from mlparity.engine.numerics.int8_products import Int8Products
from mlparity.engine.runtime.plan import Feed, Step

PRODUCTS = frozenset({"conv", "conv_transpose", "einsum", "linear", "matmul", "scaled_dot_product_attention"})
"""Ops whose accumulator reads every bit pattern itself."""


def as_units_do(
    steps: tuple[Step, ...],
    numerics_of: Callable[[Op], Numerics],
    constants: Mapping[int, object],
    integers: Collection[int],
) -> tuple[Step, ...]:
    """Return the steps with what each one's unit does apart from the arithmetic that ops ask for.

    A result of a unit that reads NaN as infinity holds none, and needs no look by the next one, nor do the slots in
    `integers`; but for the NaN that an op which only moves values has as a parameter.
    """
    makers = {store.slot: step for step in steps for store in step.stores}
    clean = set(integers)
    adapted = []
    for step in steps:
        arithmetic = numerics_of(step.op).arithmetic
        own = _summing_int8(step, makers, constants) if arithmetic.sums_int8 else step
        own = _overridden(own, arithmetic)
        if arithmetic.absorbs_nan:
            reads = {slot for feed in step.feeds for slot in feed.slots} if step.op.type not in PRODUCTS else set()
            clean.update(slot for slot in reads - clean if _is_clean(constants, slot))
            if not reads <= clean:
                own = replace(own, fn=_NanAsInfinity(own.fn))
            if not _has_nan(step.constants):
                clean.update(store.slot for store in step.stores)
        adapted.append(own)
    return tuple(adapted)


def _has_nan(parameters: Mapping[str, object]) -> bool:
    return any(isinstance(value, float) and math.isnan(value) for value in parameters.values())


def _is_clean(constants: Mapping[int, object], slot: int) -> bool:
    """Return whether the slot holds a constant without NaN; the whole constant is read for it."""
    value = constants.get(slot)
    return slot in constants and not (isinstance(value, Tensor) and bool(value.isnan().any()))


def caching_weights(steps: tuple[Step, ...], initial: Sequence[object]) -> tuple[Step, ...]:
    """Return the steps, those with constant weights with a memory for what their unit's products make of them."""
    return tuple(_caching(step, initial) for step in steps)


_WEIGHTS = {"conv": ("weight", "bias"), "conv_transpose": ("weight", "bias"), "linear": ("weight", "bias")} | {
    "matmul": ("y",)
}


LARGE = 2**20
"""From how many numbers on a constant is not held in a wider type beside what is made of it (assumed)."""


def packs(step: Step, parameter: str) -> bool:
    """Tell whether a step's products keep what they make of a constant, and read it in any floating type."""
    num = step.numerics
    products = None if num is None else num.products
    is_kept = isinstance(products, ExactProducts) and products.packs and products.memory is not None
    return (
        is_kept
        and step.fn is step.definition.fn
        and parameter in _WEIGHTS.get(step.op.type, ())
        and (parameter != "bias")
    )


def _caching(step: Step, initial: Sequence[object]) -> Step:
    num = step.numerics
    if step.op.type not in _WEIGHTS or num is None or not isinstance(num.products, ExactProducts):
        return step
    fed = [slot for feed in step.feeds if feed.parameter in _WEIGHTS[step.op.type] for slot in feed.slots]
    if any(initial[slot] is None for slot in fed):
        return step
    arithmetic = replace(num.arithmetic, products=num.products.caching())
    return replace(step, numerics=replace(num, arithmetic=arithmetic))


def _overridden(step: Step, arithmetic: Arithmetic) -> Step:
    override = arithmetic.overrides.get(step.op.type)
    return step if override is None else replace(step, fn=_Overridden(override, step.fn))


@dataclass(frozen=True, slots=True)
class _Overridden:
    override: Callable[..., object]
    fn: Callable[..., object]

    def __call__(self, **arguments: object) -> object:
        return self.override(self.fn, **arguments)


@dataclass(frozen=True, slots=True)
class _NanAsInfinity:
    """An op that reads NaN as infinity of the same sign."""

    fn: Callable[..., object]

    def __call__(self, **arguments: object) -> object:
        return self.fn(**{name: _read(value) for name, value in arguments.items()})


def _read(value: object) -> object:
    if isinstance(value, list):
        return [_read(part) for part in value]
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return value
    return torch.where(torch.isnan(value), torch.copysign(torch.full_like(value, torch.inf), value), value)


def _summing_int8(step: Step, makers: Mapping[int, Step], constants: Mapping[int, object]) -> Step:
    """Return a convolution of dequantized values and weights as one of the integers, scaled at the end.

    Before: `y = conv(dequantize(q, s), constexpr_blockwise_shift_scale(w, t))`. After: `y = conv(q, w) * (s t)`.
    """
    if step.op.type != "conv":
        return step
    feeds = {feed.parameter: feed for feed in step.feeds}
    values = _integers(makers.get(feeds["x"].slots[0]), "dequantize", "input", constants)
    weights = _integers(makers.get(feeds["weight"].slots[0]), "constexpr_blockwise_shift_scale", "data", constants)
    num = step.numerics
    if values is None or weights is None or num is None:
        return step
    products = Int8Products(scale=values[1] * weights[1])
    exact = replace(num, arithmetic=replace(num.arithmetic, products=products))
    swapped = {"x": values[0], "weight": weights[0]}
    renamed = tuple(replace(feed, slots=swapped.get(feed.parameter, feed).slots) for feed in step.feeds)
    return replace(step, numerics=exact, feeds=renamed)


def _integers(
    maker: Step | None, kind: str, parameter: str, constants: Mapping[int, object]
) -> tuple[Feed, float] | None:
    """Return where the integers behind a dequantization are, and its one scale; None where it is another op."""
    if maker is None or maker.op.type != kind:
        return None
    feeds = {feed.parameter: feed for feed in maker.feeds}
    scale = constants.get(feeds["scale"].slots[0]) if "scale" in feeds else None
    if not isinstance(scale, Tensor) or scale.numel() != 1 or {"zero_point", "offset"} & set(feeds):
        return None
    return feeds[parameter], float(scale)

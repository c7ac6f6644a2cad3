"""Steps of a sum in fp16, each a fused multiply-add that rounds once, as vector code with one rare branch.

Everything is held 2^-112 times as large, x and weights 2^-56 times, so that fp16's subnormal numbers are fp32's, and
13 places less are fp16's everywhere. A sum that fp32 has rounded rounds on to fp16 as if it were exact, unless it lies
on the middle between two fp16 numbers. Only there what was lost is found, by Knuth's two-sum, and the sum made odd
towards it. Sums must stay below 65504, and the processor must keep subnormal numbers.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mlparity.engine.numerics.kernels.vectors import (
    F32,
    FLOATS,
    HALVES,
    I32,
    SIZE,
    Arguments,
    Kind,
    Numbers,
    Sums,
    all_of,
    at,
    bits,
    floats,
    fused,
    tiles_of,
)
from mlparity.engine.numerics.lines import COLUMNS

FACTOR, DOWN, UP = 2.0**-56, 2.0**-112, 2.0**112
"""What x and weights are multiplied by, what sums are, and what makes them whole again."""


_DROPPED = 0x1FFF
"""The places of fp32 that fp16 has not."""


def _scaled(b: Any, x: Any, factor: float) -> Any:
    return b.fmul(x, all_of(F32, factor))


def _mended(b: Any, held: Any, x: Any, w: Any) -> Any:
    """Return the sum after a step whatever it lies on."""
    before, product = _scaled(b, held, UP), b.fmul(_scaled(b, x, 1 / FACTOR), _scaled(b, w, 1 / FACTOR))
    total = b.fadd(before, product)
    part = b.fsub(total, before)
    lost = b.fadd(b.fsub(before, b.fsub(total, part)), b.fsub(product, part))
    step = b.or_(b.ashr(b.xor(bits(b, total), bits(b, lost)), all_of(I32, 31)), all_of(I32, 1))
    even = b.icmp_signed("==", b.and_(bits(b, total), all_of(I32, 1)), all_of(I32, 0))
    moved = b.and_(even, b.fcmp_ordered("!=", lost, all_of(F32, 0.0)))
    odd = floats(b, b.add(bits(b, total), b.select(moved, step, all_of(I32, 0))))
    return _scaled(b, b.fpext(b.fptrunc(odd, HALVES), FLOATS), DOWN)


def _step(b: Any, _given: Arguments, numbers: Numbers, held: Sums, latch: Any) -> Sums:
    rounded, least = [], all_of(I32, _DROPPED)
    for before, x in zip(held, numbers.x, strict=True):
        up = b.add(bits(b, fused(b, x, numbers.weights, before)), all_of(I32, 0x1000))
        low = b.and_(up, all_of(I32, _DROPPED))
        rounded.append(floats(b, b.sub(up, low)))
        least = b.select(b.icmp_unsigned("<", low, least), low, least)
    common, rare, lanes = b.block, b.append_basic_block("rare"), ir.IntType(COLUMNS)
    on_middle = b.bitcast(b.icmp_signed("==", least, all_of(I32, 0)), lanes)
    b.cbranch(b.icmp_signed("==", on_middle, lanes(0)), latch, rare)
    b.position_at_end(rare)
    mended = [_mended(b, before, x, numbers.weights) for before, x in zip(held, numbers.x, strict=True)]
    b.branch(latch)
    b.position_at_end(latch)
    after = [b.phi(FLOATS) for _ in held]
    for phi, whole, odd in zip(after, rounded, mended, strict=True):
        phi.add_incoming(whole, common)
        phi.add_incoming(odd, rare)
    return after


def _whole(b: Any, sums: Any) -> Any:
    return _scaled(b, sums, UP)


rows, row, channel_rows, channel_row = tiles_of(Kind(FLOATS, _step, _whole))


@intrinsic
def add_sixteen(_typing: Any, _left: Any, _right: Any, _out: Any) -> Any:
    """Write to the address `out` the sums of sixteen numbers at `left` and at `right`, rounded to fp16."""

    def build(context: Any, b: Any, _signature: Any, addresses: Any) -> Any:
        left, right, out = (at(b, address, SIZE(0), FLOATS) for address in addresses)
        total = b.fadd(b.load(left, align=4), b.load(right, align=4))
        b.store(b.fpext(b.fptrunc(total, HALVES), FLOATS), out, align=4)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 3), build

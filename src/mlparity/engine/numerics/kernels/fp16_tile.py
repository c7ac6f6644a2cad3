"""Steps of a sum in fp16, each a fused multiply-add that rounds once, as vector code with one rare branch.

Everything is held 2^-112 times as large, x and weights 2^-56 times, so that fp16's subnormal numbers are fp32's, and
13 places less are fp16's everywhere. A sum that fp32 has rounded rounds on to fp16 as if it were exact, unless it lies
on the middle between two fp16 numbers. Only there what was lost is found, by Knuth's two-sum, and the sum made odd
towards it. Sums must stay below 65504, and the processor must keep subnormal numbers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from llvmlite import ir

from mlparity.engine.numerics.kernels.vectors import (
    F32,
    FLOATS,
    HALVES,
    I32,
    Arguments,
    Kind,
    Numbers,
    Sums,
    all_of,
    bits,
    floats,
    fused,
    lane_tile_of,
    tile_of,
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


def _kept(b: Any, rows: int) -> Any:
    """Return room on the stack for so many sums."""
    with b.goto_entry_block():
        room = b.alloca(FLOATS, size=rows)
        room.align = 64
    return room


def _at_row(b: Any, kept: Any, row: int) -> Any:
    return b.gep(kept, [I32(row)])


def _forget(b: Any, kept: Any) -> None:
    """Let the compiler take for unknown what is in memory, so that nothing stays in registers for a rare branch."""
    b.asm(ir.FunctionType(ir.VoidType(), [kept.type]), "", "r,~{memory}", [kept], True)


def _step(b: Any, _given: Arguments, numbers: Numbers, held: Sums, latch: Any) -> Sums:
    rounded, least, kept = [], all_of(I32, -1), _kept(b, len(held))
    for row, (before, x) in enumerate(zip(held, numbers.x, strict=True)):
        b.store(before, _at_row(b, kept, row), align=64)
        up = b.add(bits(b, fused(b, x, numbers.weights, before)), all_of(I32, 0x1000))
        low = b.shl(up, all_of(I32, 19))
        rounded.append(floats(b, b.and_(up, all_of(I32, ~_DROPPED))))
        least = b.select(b.icmp_unsigned("<", low, least), low, least)
    common, rare, lanes = b.block, b.append_basic_block("rare"), ir.IntType(COLUMNS)
    on_middle = b.bitcast(b.icmp_signed("==", least, all_of(I32, 0)), lanes)
    b.cbranch(b.icmp_signed("==", on_middle, lanes(0)), latch, rare).set_weights([1000, 1])
    b.position_at_end(rare)
    _forget(b, kept)
    again = numbers.again(b)
    mended = [_mended(b, b.load(_at_row(b, kept, row), align=64), x, again.weights) for row, x in enumerate(again.x)]
    b.branch(latch)
    b.position_at_end(latch)
    after = [b.phi(FLOATS) for _ in held]
    for phi, whole, odd in zip(after, rounded, mended, strict=True):
        phi.add_incoming(whole, common)
        phi.add_incoming(odd, rare)
    return after


def _whole(b: Any, sums: Any) -> Any:
    return _scaled(b, sums, UP)


def _plus(b: Any, left: Any, right: Any) -> Any:
    """Return the sum of two lanes' results, rounded to fp16; that fp32 rounds it before changes nothing."""
    return b.fpext(b.fptrunc(b.fadd(left, right), HALVES), FLOATS)


_KIND = Kind(FLOATS, _step, _whole)

rows, row, channel_rows, channel_row = tiles_of(partial(tile_of, _KIND))
lane_rows, lane_row, lane_channel_rows, lane_channel_row = tiles_of(partial(lane_tile_of, _KIND, _plus))

"""Several rows by sixteen columns of fused multiply-adds in fp16, as vector code with one rare branch.

A sum that fp32 rounds goes on to fp16 as if it were exact, but for two kinds: those that lie on the middle between two
fp16 numbers, and those below fp16's least normal number. Only where one of these turns up is the loss of the sum found,
by Knuth's two-sum, and the sum made odd towards it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

COLUMNS = 16
ROWS = 4

_F32, _I32, _SIZE = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_FLOATS, _INTS = ir.VectorType(_F32, COLUMNS), ir.VectorType(_I32, COLUMNS)
_HALVES = ir.VectorType(ir.HalfType(), COLUMNS)


def _all(kind: Any, value: Any) -> Any:
    return ir.Constant(ir.VectorType(kind, COLUMNS), [value] * COLUMNS)


@dataclass(frozen=True, slots=True)
class _Sums:
    """A row's sums before a step, the products it adds, and the sums as fp32 has them."""

    before: Any
    product: Any
    total: Any


def _spread(b: Any, x: Any) -> Any:
    nothing = ir.Constant(_FLOATS, ir.Undefined)
    return b.shuffle_vector(b.insert_element(nothing, x, _I32(0)), nothing, ir.Constant(_INTS, None))


def _narrowed(b: Any, x: Any) -> Any:
    return b.fpext(b.fptrunc(x, _HALVES), _FLOATS)


def _is_rare(b: Any, total: Any) -> Any:
    """Return the lanes whose sum lies on the middle between two fp16 numbers, or below the least normal one."""
    bits = b.bitcast(total, _INTS)
    middle = b.icmp_signed("==", b.and_(bits, _all(_I32, 0x1FFF)), _all(_I32, 0x1000))
    below = b.sub(b.and_(bits, _all(_I32, 0x7FFFFFFF)), _all(_I32, 1))
    return b.or_(middle, b.icmp_unsigned("<", below, _all(_I32, 0x387FFFFF)))


def _odd(b: Any, row: _Sums) -> Any:
    """Return the sum with an odd last place, towards what it lost, where it lost anything."""
    part = b.fsub(row.total, row.before)
    lost = b.fadd(b.fsub(row.before, b.fsub(row.total, part)), b.fsub(row.product, part))
    bits = b.bitcast(row.total, _INTS)
    step = b.or_(b.ashr(b.xor(bits, b.bitcast(lost, _INTS)), _all(_I32, 31)), _all(_I32, 1))
    even = b.icmp_signed("==", b.and_(bits, _all(_I32, 1)), _all(_I32, 0))
    moved = b.and_(even, b.fcmp_ordered("!=", lost, _all(_F32, 0.0)))
    return b.bitcast(b.add(bits, b.select(moved, step, _all(_I32, 0))), _FLOATS)


def _pointer(b: Any, start: Any, place: Any, kind: Any) -> Any:
    return b.inttoptr(b.add(start, b.mul(place, _SIZE(4))), kind.as_pointer())


def _build(b: Any, height: int, values: Any) -> None:
    """Emit the loop; `values` are the arguments of `tile`."""
    rows, stride, weights, width, first, length, step, sums, apart = values
    starts = [_pointer(b, sums, b.mul(apart, _SIZE(r)), _FLOATS) for r in range(height)]
    initial = [b.load(start, align=4) for start in starts]
    before = b.block
    loop, rare, latch, done = (b.append_basic_block(name) for name in ("loop", "rare", "latch", "done"))
    b.cbranch(b.icmp_signed("<", first, length), loop, done)
    b.position_at_end(loop)
    k, held = b.phi(_SIZE), [b.phi(_FLOATS) for _ in range(height)]
    w = b.load(_pointer(b, weights, b.mul(k, width), _FLOATS), align=4)
    found = []
    for r in range(height):
        x = b.load(_pointer(b, rows, b.add(b.mul(stride, _SIZE(r)), k), _F32))
        product = b.fmul(_spread(b, x), w)
        found.append(_Sums(held[r], product, b.fadd(held[r], product)))
    flags = _is_rare(b, found[0].total)
    for row in found[1:]:
        flags = b.or_(flags, _is_rare(b, row.total))
    b.cbranch(b.icmp_signed("!=", b.bitcast(flags, ir.IntType(COLUMNS)), ir.IntType(COLUMNS)(0)), rare, latch)
    b.position_at_end(rare)
    mended = [_odd(b, row) for row in found]
    b.branch(latch)
    b.position_at_end(latch)
    after = []
    for row, odd in zip(found, mended, strict=True):
        chosen = b.phi(_FLOATS)
        chosen.add_incoming(row.total, loop)
        chosen.add_incoming(odd, rare)
        after.append(chosen)
    after = [_narrowed(b, chosen) for chosen in after]
    following = b.add(k, step)
    k.add_incoming(first, before)
    k.add_incoming(following, latch)
    for r in range(height):
        held[r].add_incoming(initial[r], before)
        held[r].add_incoming(after[r], latch)
    b.cbranch(b.icmp_signed("<", following, length), loop, done)
    b.position_at_end(done)
    results = [b.phi(_FLOATS) for _ in range(height)]
    for start, result, first_value, last_value in zip(starts, results, initial, after, strict=True):
        result.add_incoming(first_value, before)
        result.add_incoming(last_value, latch)
        b.store(result, start, align=4)


def _tile(height: int) -> Any:
    signature = types.void(*[types.intp] * 9)

    def build(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        _build(builder, height, values)
        return context.get_dummy_value()

    return signature, build


@intrinsic
def tile(
    _typing: Any,
    _rows: Any,
    _stride: Any,
    _weights: Any,
    _width: Any,
    _first: Any,
    _length: Any,
    _step: Any,
    _sums: Any,
    _apart: Any,
) -> Any:
    """Sum `ROWS` rows with sixteen columns: numbers `first`, `first + step` and so on below `length`.

    `rows`, `weights` and `sums` are addresses; rows are `stride` numbers apart, weights `width`, sums `apart`.
    """
    return _tile(ROWS)


@intrinsic
def row(
    _typing: Any,
    _rows: Any,
    _stride: Any,
    _weights: Any,
    _width: Any,
    _first: Any,
    _length: Any,
    _step: Any,
    _sums: Any,
    _apart: Any,
) -> Any:
    """Sum one row; as `tile`."""
    return _tile(1)

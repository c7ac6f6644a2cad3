"""The steps of the accumulators as instructions on 32-bit lanes, which compilers turn into vector code as they stand.

In plain Python numba would widen every int32 sum to 64 bits, at ten times the cost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_F32, _I32 = ir.FloatType(), ir.IntType(32)
_f, _i = types.float32, types.int32

_STICKY = 2**31


def _instruction(signature: Any, emit: Callable[..., Any]) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return emit(builder, *values)

    return signature, build


def _bits(b: Any, x: Any) -> Any:
    return b.bitcast(x, _I32)


def _magnitude(b: Any, x: Any) -> Any:
    return b.bitcast(b.and_(_bits(b, x), _I32(0x7FFFFFFF)), _F32)


@intrinsic
def fp16_of(_typing: Any, _x: Any) -> Any:
    """Round an fp32 number to fp16's, to nearest even; overflow to infinity, subnormals kept."""
    return _instruction(_f(_f), _fp16)


def _fp16(b: Any, x: Any) -> Any:
    return b.fpext(b.fptrunc(x, ir.HalfType()), _F32)


def nearest_of_units(b: Any, total: Any) -> Any:
    """Emit units of 2^-16 as fp16's nearest numbers, half away from zero: of one int32, or of a vector of them.

    What is below a nearest number's half is dropped first, so that fp32 holds the rest.
    """
    kind, count = total.type, getattr(total.type, "count", 0)
    floats = ir.VectorType(_F32, count) if count else _F32

    def all_of(type_: Any, value: Any) -> Any:
        return ir.Constant(type_, [value] * count if count else value)

    negative = b.icmp_signed("<", total, all_of(kind, 0))
    magnitude = b.select(negative, b.sub(all_of(kind, 0), total), total)
    is_long = b.icmp_signed(">=", magnitude, all_of(kind, 1 << 24))
    short = b.select(is_long, b.and_(magnitude, all_of(kind, -256)), magnitude)
    near = b.and_(b.add(b.bitcast(b.sitofp(short, floats), kind), all_of(kind, 0x1000)), all_of(kind, -0x2000))
    signed = b.or_(near, b.and_(total, all_of(kind, -(1 << 31))))
    return b.fmul(b.bitcast(signed, floats), all_of(floats, 2.0**-16))


@intrinsic
def nearest_fp16(_typing: Any, _x: Any) -> Any:
    """Round an fp32 number to fp16's, half away; NaN and -0 become +0, and beyond 65504 infinity.

    Below 2^-14 it is rounded to 11 significant bits first, see `rounding.half_away`.
    """

    def emit(b: Any, x: Any) -> Any:
        bits = _bits(b, x)
        sign, magnitude = b.and_(bits, _I32(0x80000000)), b.and_(bits, _I32(0x7FFFFFFF))
        normal = b.and_(b.add(magnitude, _I32(0x1000)), _I32(0x7FFFE000))
        scaled = b.fadd(b.fmul(b.bitcast(normal, _F32), _F32(2.0**24)), _F32(0.5))
        small_units = b.select(b.fcmp_ordered("<", scaled, _F32(4096.0)), scaled, _F32(0.0))
        small = _bits(b, b.fmul(b.sitofp(b.fptosi(small_units, _I32), _F32), _F32(2.0**-24)))
        near = b.select(b.icmp_unsigned("<", magnitude, _I32(0x38800000)), small, normal)
        near = b.select(b.icmp_unsigned(">=", near, _I32(0x47800000)), _I32(0x7F800000), near)
        nothing = b.or_(b.icmp_unsigned(">", magnitude, _I32(0x7F800000)), b.icmp_signed("==", near, _I32(0)))
        return b.bitcast(b.select(nothing, _I32(0), b.or_(near, sign)), _F32)

    return _instruction(_f(_f), emit)


@intrinsic
def plus_in_order(_typing: Any, _total: Any, _x: Any, _w: Any, _bound: Any) -> Any:
    """Add to an int64 the product of x and w, in units of 2^-16, half away, where |x| is not below the bound.

    Nothing is added to what has reached 2^31 units.
    """

    def emit(b: Any, total: Any, x: Any, w: Any, bound: Any) -> Any:
        wide, double = ir.IntType(64), ir.DoubleType()
        scaled = b.fmul(b.fpext(x, double), b.fpext(w, double))
        sign = b.and_(b.bitcast(scaled, wide), wide(-(1 << 63)))
        half = b.bitcast(b.or_(sign, wide(0x3FE0000000000000)), double)
        units = b.fptosi(b.fadd(scaled, half), wide)
        inside = b.and_(b.icmp_signed("<", total, wide(_STICKY)), b.icmp_signed(">", total, wide(-_STICKY)))
        kept = b.and_(inside, b.fcmp_ordered(">=", _magnitude(b, x), bound))
        return b.add(total, b.select(kept, units, wide(0)))

    return _instruction(types.int64(types.int64, _f, _f, _f), emit)


@intrinsic
def fp16_of_total(_typing: Any, _total: Any) -> Any:
    """Return an int64 of units as fp16's nearest number, half away; infinite where it has reached 2^31 units."""

    def emit(b: Any, total: Any) -> Any:
        wide = ir.IntType(64)
        inside = b.and_(b.icmp_signed("<", total, wide(_STICKY)), b.icmp_signed(">", total, wide(-_STICKY)))
        infinite = b.select(b.icmp_signed(">", total, wide(0)), _F32(float("inf")), _F32(float("-inf")))
        near = b.select(inside, b.trunc(total, _I32), _I32(0))
        return b.select(inside, nearest_of_units(b, near), infinite)

    return _instruction(_f(types.int64), emit)


@intrinsic
def plus_fp16(_typing: Any, _total: Any, _x: Any, _w: Any) -> Any:
    """Return total + x w of fp16 numbers held in fp32, rounded once to fp16, to nearest even.

    The product is exact in fp32. What the sum loses is found by Knuth's two-sum; where it is not zero the sum is made
    odd, towards the loss, so that the second rounding goes as if it were the only one.
    """

    def emit(b: Any, a: Any, x: Any, w: Any) -> Any:
        product = b.fmul(x, w)
        total = b.fadd(a, product)
        part = b.fsub(total, a)
        lost = b.fadd(b.fsub(a, b.fsub(total, part)), b.fsub(product, part))
        bits = _bits(b, total)
        step = b.or_(b.ashr(b.xor(bits, _bits(b, lost)), _I32(31)), _I32(1))
        even = b.icmp_signed("==", b.and_(bits, _I32(1)), _I32(0))
        moved = b.and_(even, b.fcmp_ordered("!=", lost, _F32(0.0)))
        return _fp16(b, b.bitcast(b.add(bits, b.select(moved, step, _I32(0))), _F32))

    return _instruction(_f(_f, _f, _f), emit)


@intrinsic
def plus_product(_typing: Any, _total: Any, _x: Any, _w: Any) -> Any:
    """Return total + x w of fp32 numbers, rounded once to fp32: a fused multiply-add."""
    return _instruction(_f(_f, _f, _f), lambda b, total, x, w: b.fma(x, w, total))

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

MAGIC = 192.0
"""A number whose last place in fp32 is 2^-16: adding it to a small product rounds the product to that."""

_MAGIC_BITS = 0x43400000


def _instruction(signature: Any, emit: Callable[..., Any]) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return emit(builder, *values)

    return signature, build


def _bits(b: Any, x: Any) -> Any:
    return b.bitcast(x, _I32)


def _magnitude(b: Any, x: Any) -> Any:
    return b.bitcast(b.and_(_bits(b, x), _I32(0x7FFFFFFF)), _F32)


@intrinsic
def bits_of(_typing: Any, _x: Any) -> Any:
    """Return the bits of an fp32 number as int32."""
    return _instruction(_i(_f), _bits)


@intrinsic
def number_of(_typing: Any, _bits: Any) -> Any:
    """Return the fp32 number that has these bits."""
    return _instruction(_f(_i), lambda b, bits: b.bitcast(bits, _F32))


@intrinsic
def fp16_of(_typing: Any, _x: Any) -> Any:
    """Round an fp32 number to fp16's, to nearest even; overflow to infinity, subnormals kept."""
    return _instruction(_f(_f), _fp16)


def _fp16(b: Any, x: Any) -> Any:
    return b.fpext(b.fptrunc(x, ir.HalfType()), _F32)


@intrinsic
def fp16_of_units(_typing: Any, _total: Any) -> Any:
    """Return an int32 of units of 2^-16 as fp16's nearest number, half away from zero."""

    def emit(b: Any, total: Any) -> Any:
        wide = b.bitcast(b.sitofp(total, ir.DoubleType()), ir.IntType(64))
        half, kept = ir.IntType(64)(1 << 41), ir.IntType(64)(-(1 << 42))
        nearest = b.bitcast(b.and_(b.add(wide, half), kept), ir.DoubleType())
        return b.fptrunc(b.fmul(nearest, ir.DoubleType()(2.0**-16)), _F32)

    return _instruction(_f(_i), emit)


@intrinsic
def plus_small(_typing: Any, _total: Any, _x: Any, _w: Any, _limit: Any) -> Any:
    """Add to an int32 the product of x and w in units of 2^-16, where |w| is not below the limit.

    The product is below 64, and w one place of fp32 too large.
    """

    def emit(b: Any, total: Any, x: Any, w: Any, limit: Any) -> Any:
        product = b.sub(_bits(b, b.fadd(b.fmul(x, w), _F32(MAGIC))), _I32(_MAGIC_BITS))
        kept = b.fcmp_ordered(">=", _magnitude(b, w), limit)
        return b.add(total, b.select(kept, product, _I32(0)))

    return _instruction(_i(_i, _f, _f, _f), emit)


@intrinsic
def plus_large(_typing: Any, _total: Any, _x: Any, _w: Any, _limit: Any) -> Any:
    """Add to an int32 the product of x, in units of 2^-16, and w, half away, where |w| is not below the limit."""

    def emit(b: Any, total: Any, x: Any, w: Any, limit: Any) -> Any:
        product = b.fmul(x, w)
        sign = b.and_(_bits(b, product), _I32(0x80000000))
        half = b.bitcast(b.or_(sign, _I32(0x3F000000)), _F32)
        units = b.fptosi(b.fadd(product, half), _I32)
        kept = b.fcmp_ordered(">=", _magnitude(b, w), limit)
        return b.add(total, b.select(kept, units, _I32(0)))

    return _instruction(_i(_i, _f, _f, _f), emit)


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

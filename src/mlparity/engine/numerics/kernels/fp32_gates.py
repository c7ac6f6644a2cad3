"""Sigmoid, tanh and an LSTM's step for sixteen numbers at once, in fp32.

Both functions come from e^x - 1 by its Taylor series: x is n ln 2 + r, r at most half of ln 2, where the series up to
r^7 is off by less than half a unit in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numba import types
from numba.extending import intrinsic

from mlparity.engine.numerics.kernels.fp32_tile import BYTES, put, vector
from mlparity.engine.numerics.kernels.vectors import F32, FLOATS, HALVES, I32, INTS, SIZE, all_of, fused

_TAYLOR = [1 / math.factorial(power) for power in range(7, 1, -1)]
_LN2_HIGH = 0.693359375
"""The first bits of ln 2: n times it is exact for every n that fp32's exponents have."""

_SHIFT = 1.5 * 2.0**23
"""Added to a number it leaves the nearest integer in the last bits."""

_GREATEST = 87.0
"""e^87 is still finite in fp32; between it and `_INFINITE` sigmoid is off by 1e-38."""

_INFINITE = 88.72284
"""The logarithm of fp32's largest number: beyond it e^x is infinite, so that sigmoid is exactly 0 or 1."""


def _all(value: float) -> Any:
    return all_of(F32, value)


def _less_one(b: Any, x: Any) -> Any:
    """Emit e^x - 1 for |x| up to 87; NaN stays."""
    shifted = b.fadd(b.fmul(x, _all(1 / math.log(2))), _all(_SHIFT))
    n = b.fsub(shifted, _all(_SHIFT))
    rest = fused(b, n, _all(_LN2_HIGH - math.log(2)), fused(b, n, _all(-_LN2_HIGH), x))
    series = _all(_TAYLOR[0])
    for factor in _TAYLOR[1:]:
        series = fused(b, series, rest, _all(factor))
    small = fused(b, b.fmul(series, rest), rest, rest)
    exponent = b.add(b.shl(b.bitcast(shifted, INTS), all_of(I32, 23)), all_of(I32, 127 << 23))
    power = b.bitcast(exponent, FLOATS)
    return fused(b, power, small, b.fsub(power, _all(1.0)))


def _at_most(b: Any, x: Any, bound: float) -> Any:
    return b.select(b.fcmp_ordered(">", x, _all(bound)), _all(bound), x)


def sigmoid(b: Any, x: Any) -> Any:
    """Emit 1 / (1 + e^-x)."""
    negative = b.fneg(x)
    bounded = b.select(b.fcmp_ordered("<", negative, _all(-_GREATEST)), _all(-_GREATEST), negative)
    grown = _less_one(b, _at_most(b, bounded, _GREATEST))
    result = b.fdiv(_all(1.0), b.fadd(grown, _all(2.0)))
    return b.select(b.fcmp_ordered(">", negative, _all(_INFINITE)), _all(0.0), result)


def tanh(b: Any, x: Any) -> Any:
    """Emit (e^2x - 1) / (e^2x + 1), from the magnitude of x."""
    sign = b.and_(b.bitcast(x, INTS), all_of(I32, -(2**31)))
    size = b.bitcast(b.and_(b.bitcast(x, INTS), all_of(I32, 2**31 - 1)), FLOATS)
    grown = _less_one(b, _at_most(b, b.fadd(size, size), 40.0))
    result = b.fdiv(grown, b.fadd(grown, _all(2.0)))
    return b.bitcast(b.or_(b.bitcast(result, INTS), sign), FLOATS)


def _stored(b: Any, x: Any, rounds: Any) -> Any:
    return b.select(rounds, b.fpext(b.fptrunc(x, HALVES), FLOATS), x)


@intrinsic
def lstm_step(_typing, _sums, _added, _cell, _hidden, _rounds):  # type: ignore[no-untyped-def]  # numba's arguments
    """Do one step of sixteen units.

    The gates input, forget, output and cell are sixteen sums each, and as many numbers added to them. The new states go
    to `cell`, where the old one is, and to `hidden`; `rounds` rounds both to fp16's numbers.
    """

    def build(context: Any, b: Any, _signature: Any, values: Any) -> Any:
        sums, added, cell, hidden, rounds = values
        gates = [b.fadd(*(vector(b, b.add(start, SIZE(BYTES * gate))) for start in (sums, added))) for gate in range(4)]
        rounded = b.icmp_signed("!=", rounds, SIZE(0))
        i, f, o = (sigmoid(b, gate) for gate in gates[:3])
        c = _stored(b, fused(b, i, tanh(b, gates[3]), b.fmul(f, vector(b, cell))), rounded)
        put(b, cell, c)
        put(b, hidden, _stored(b, b.fmul(o, tanh(b, c)), rounded))
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), build


def _of_sixteen(emit: Any) -> Any:
    """Return the intrinsic that writes a function of the sixteen numbers at an address to another."""

    def of(_typing, _source, _target):  # type: ignore[no-untyped-def]  # numba's arguments
        def build(context: Any, b: Any, _signature: Any, values: Sequence[Any]) -> Any:
            put(b, values[1], emit(b, vector(b, values[0])))
            return context.get_dummy_value()

        return types.void(types.intp, types.intp), build

    return intrinsic(of)


sigmoid_of, tanh_of = _of_sixteen(sigmoid), _of_sixteen(tanh)

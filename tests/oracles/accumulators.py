"""The units' accumulators in exact fractions, one product after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

UNIT = Fraction(1, 2**16)
LIMIT = 2**31


def decoded(value: np.float16) -> tuple[Fraction, int]:
    """Return the value of the bits and their exponent, where the exponent 31 is an ordinary one."""
    bits = int(value.view(np.uint16))
    sign, exponent, fraction = -1 if bits >> 15 else 1, (bits >> 10) & 31, bits & 1023
    if exponent == 0:
        return Fraction(sign * fraction, 2**24), -14
    return sign * Fraction(1024 + fraction, 1024) * Fraction(2) ** (exponent - 15), exponent - 15


def half_away(value: Fraction) -> int:
    """Return the nearest integer, halves away from zero."""
    whole = math.floor(abs(value) + Fraction(1, 2))
    return whole if value >= 0 else -whole


def to_fp16(value: Fraction, *, away: bool) -> float:
    """Return the nearest fp16 number, halves away from zero or to even."""
    if value == 0:
        return 0.0
    exponent = -30
    while Fraction(2) ** (exponent + 1) <= abs(value):
        exponent += 1
    step = Fraction(2) ** (max(exponent, -14) - 10)
    count, rest = divmod(abs(value) / step, 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (away or count % 2 == 1))
    found = float((count + up) * step)
    return math.copysign(found if found < 65520 else math.inf, value)


def fixed_point(xs: Sequence[np.float16], ws: Sequence[np.float16], bias: np.float16) -> float:
    """Sum in units of 2^-16 from the bias on; infinite from the first partial sum of 2^31 units on."""
    total = half_away(decoded(bias)[0] / UNIT)
    for x, w in zip(xs, ws, strict=True):
        if abs(total) >= LIMIT:
            break
        (left, first), (right, second) = decoded(x), decoded(w)
        if first + second >= -16:
            total += half_away(left * right / UNIT)
    return math.copysign(math.inf, total) if abs(total) >= LIMIT else to_fp16(total * UNIT, away=True)


def sequential(xs: Sequence[np.float16], ws: Sequence[np.float16], bias: np.float16, lanes: int = 1) -> float:
    """Sum in fp16, rounding to even after each fused step; the lanes are added in halves."""
    sums = [float(bias)] + [0.0] * (lanes - 1)
    for k, (x, w) in enumerate(zip(xs, ws, strict=True)):
        step = Fraction(sums[k % lanes]) + Fraction(float(x)) * Fraction(float(w))
        sums[k % lanes] = to_fp16(step, away=False)
    while len(sums) > 1:
        half = len(sums) // 2
        sums = [to_fp16(Fraction(a) + Fraction(b), away=False) for a, b in zip(sums[:half], sums[half:], strict=True)]
    return sums[0]

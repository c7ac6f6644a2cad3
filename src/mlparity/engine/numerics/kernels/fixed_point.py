"""Sums of products in fixed point: 32 bits with 16 of them below the point, as the Neural Engine keeps them.

A product of two fp16 numbers is kept where their exponents add up to -16 or more, and rounded half away from zero to a
multiple of 2^-16. A partial sum that reaches 32768 is infinite from then on. Infinities and NaN are read as numbers
with the exponent 16. Evidence: tests/evidence, n2 to n6; the sum is rounded once, half away from zero, to fp16.

The fast path rounds a product by adding 192, whose last place in fp32 is 2^-16: the low bits of the sum are then the
rounded product. Halves would go to even; weights that are one place of fp32 too large send them away from zero, and
change nothing else while the product is below 64. Sums of the bits as integers need no order while the sum of
magnitudes stays below 32768; rows where it does not are summed in order, in 64 bits.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mlparity.engine.numerics.kernels.bits import bits_of, number_of

_MAGIC = np.float32(192.0)
_MAGIC_BITS = int(_MAGIC.view(np.int32))
_UNIT = 65536.0
_SMALL = np.float32(64.0)
_LIMIT = 32767.0
_STICKY = 2**31
_INFINITE = np.float32(np.inf)
BLOCK = 128
"""Columns that are summed together: their partial sums fit the first cache."""


def packed(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return weights (K, N) as numbers, one place too large each, and the greatest magnitude of each of the K rows."""
    exact = decoded(weights)
    grown = np.where(exact == 0, exact, np.nextafter(exact, np.copysign(_INFINITE, exact), dtype=np.float32))
    return exact, np.ascontiguousarray(grown), np.abs(exact).max(axis=1, initial=0).astype(np.float32)


def decoded(values: np.ndarray) -> np.ndarray:
    """Return fp16 values held in fp32, where the exponent of infinities and NaN counts as 16."""
    bits = np.ascontiguousarray(values, np.float32).view(np.int32)
    special = (bits & 0x7F800000) == 0x7F800000
    if not special.any():
        return bits.view(np.float32)
    return np.where(special, (bits & ~0x7F800000) | ((127 + 16) << 23), bits).view(np.float32)


@njit(nogil=True, cache=True)
def multiply(rows, exact, grown, largest, bias, out, start, end):
    """Write rows (M, K) times weights (K, N) plus bias (N), rounded to fp16, to out (M, N), from `start` to `end`."""
    count = exact.shape[1]
    most = np.float32(0)
    for k in range(largest.shape[0]):
        most = max(most, largest[k])
    offset = np.float32(0)
    for n in range(count):
        offset = max(offset, abs(bias[n]))
    least = np.empty(rows.shape[1], np.float32)
    sums = np.empty(BLOCK, np.int32)
    for m in range(start, end):
        bound, peak = _thresholds(rows[m], largest, least)
        for first in range(0, count, BLOCK):
            last = min(first + BLOCK, count)
            if bound + offset >= _LIMIT:
                _in_order(rows[m], least, exact, bias, out[m], first, last)
            elif peak * most < _SMALL:
                _small(rows[m], least, grown[:, first:last], bias[first:last], sums)
                for n in range(last - first):
                    out[m, first + n] = rounded(sums[n])
            else:
                _large(rows[m], least, exact[:, first:last], bias[first:last], sums)
                for n in range(last - first):
                    out[m, first + n] = rounded(sums[n])


@njit(nogil=True, cache=True)
def _thresholds(row, largest, least):
    """Write the least magnitude of a weight that each number's product is kept for; return two bounds.

    The bounds are of the sum of magnitudes, with room for the rounding of each product, and of the numbers.
    """
    bound, peak = 0.0, np.float32(0)
    for k in range(row.shape[0]):
        exponent = max(((bits_of(row[k]) >> 23) & 255) - 127, -14)
        least[k] = np.float32(0) if exponent >= -2 else number_of(np.int32((127 - 16 - exponent) << 23))
        bound += abs(row[k]) * largest[k]
        peak = max(peak, abs(row[k]))
    return bound + row.shape[0] / _UNIT, peak


@njit(nogil=True, cache=True)
def units(value):
    """Return a number as a whole number of 2^-16, half away from zero."""
    scaled = np.float64(value) * _UNIT
    return np.int64(scaled + (0.5 if scaled >= 0 else -0.5))


@njit(nogil=True, cache=True)
def rounded(total):
    """Return a sum in units as fp16's nearest number, half away from zero."""
    magnitude = abs(np.int64(total))
    shift = 0
    while (magnitude >> shift) >= 2048:
        shift += 1
    if shift > 0:
        magnitude = ((magnitude + (1 << (shift - 1))) >> shift) << shift
    value = np.float32(magnitude) * np.float32(1 / _UNIT)
    return -value if total < 0 else value


@njit(nogil=True, cache=True)
def _small(row, least, grown, bias, sums):
    for n in range(bias.shape[0]):
        sums[n] = np.int32(units(bias[n]))
    for k in range(row.shape[0]):
        x, limit = row[k], least[k]
        if x == 0:
            continue
        for n in range(bias.shape[0]):
            w = grown[k, n]
            product = np.int32(bits_of(x * w + _MAGIC) - _MAGIC_BITS)
            sums[n] += product if abs(w) >= limit else np.int32(0)


@njit(nogil=True, cache=True)
def _large(row, least, exact, bias, sums):
    for n in range(bias.shape[0]):
        sums[n] = np.int32(units(bias[n]))
    for k in range(row.shape[0]):
        x, limit = row[k] * np.float32(_UNIT), least[k]
        for n in range(bias.shape[0]):
            w = exact[k, n]
            scaled = x * w
            product = np.int32(scaled + (np.float32(0.5) if scaled >= 0 else np.float32(-0.5)))
            sums[n] += product if abs(w) >= limit else np.int32(0)


@njit(nogil=True, cache=True)
def _in_order(row, least, exact, bias, out, first, last):
    """Sum one row in the order of its numbers; the first partial sum of 32768 or more decides the result."""
    for n in range(first, last):
        total = units(bias[n])
        for k in range(row.shape[0]):
            if abs(total) >= _STICKY:
                break
            if abs(exact[k, n]) >= least[k]:
                total += units(np.float64(row[k]) * np.float64(exact[k, n]))
        if abs(total) >= _STICKY:
            out[n] = _INFINITE if total > 0 else -_INFINITE
        else:
            out[n] = rounded(total)

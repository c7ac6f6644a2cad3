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

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mlparity.engine.numerics.kernels.bits import (
    fp16_of_total,
    fp16_of_units,
    limit_of,
    plus_in_order,
    plus_large,
    plus_small,
)
from mlparity.engine.numerics.kernels.blocks import Floats, in_blocks

_UNIT = 65536.0
_SMALL = np.float32(64.0)
_LIMIT = 32767.0


@dataclass(frozen=True, slots=True)
class Packed:
    """Weights as the kernel takes them.

    `exact` are the weights in blocks and `grown` the same, one place too large each; `largest` is the greatest
    magnitude by row, `most` of all. `bias` is in units of 2^-16, `offset` its greatest magnitude as a number.
    """

    exact: Floats
    grown: Floats
    largest: Floats
    most: float
    bias: NDArray[np.int64]
    offset: float


def packed(weights: Floats, bias: Floats | None) -> Packed:
    """Return weights (N, K) and bias (N) as `multiply` takes them."""
    exact = in_blocks(decoded(weights))
    largest = np.abs(exact).max(axis=(0, 2), initial=0)
    start = np.zeros(exact.shape[0] * exact.shape[2])
    if bias is not None:
        start[: bias.size] = decoded(bias)
    offset, most = float(np.abs(start).max(initial=0)), float(largest.max(initial=0))
    return Packed(exact, grown(exact), largest, most, in_units(start).reshape(exact.shape[0], -1), offset)


def grown(weights: Floats) -> Floats:
    """Return weights one place of fp32 too large each, but for zeros."""
    bits: Floats = (weights.view(np.int32) + (weights != 0)).astype(np.int32).view(np.float32)
    return bits


def in_units(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return numbers as whole numbers of 2^-16, half away from zero."""
    wide = values.astype(np.float64)
    return np.trunc(wide * _UNIT + np.copysign(0.5, wide)).astype(np.int64)


def decoded(values: Floats) -> Floats:
    """Return fp16 values held in fp32, where the exponent of infinities and NaN counts as 16."""
    bits = np.ascontiguousarray(values, np.float32).view(np.int32)
    special = (bits & 0x7F800000) == 0x7F800000
    if not special.any():
        return bits.view(np.float32)
    return np.where(special, (bits & ~0x7F800000) | ((127 + 16) << 23), bits).astype(np.int32).view(np.float32)


@njit(nogil=True, cache=True)
def multiply(rows, exact, grown, largest, most, bias, offset, out, start, end):
    """Write rows (M, K) times weights plus bias, rounded to fp16, to out (M, N), from row `start` to `end`."""
    blocks, length, width = exact.shape
    least = np.empty(length, np.float32)
    sums, totals = np.empty(width, np.int32), np.empty(width, np.int64)
    for block in range(blocks):
        first = block * width
        for m in range(start, end):
            bound, peak = _thresholds(rows[m], largest, least)
            if bound + offset >= _LIMIT:
                _in_order(rows[m], exact[block], bias[block], totals)
                for n in range(min(width, out.shape[1] - first)):
                    out[m, first + n] = fp16_of_total(totals[n])
                continue
            for n in range(width):
                sums[n] = np.int32(bias[block, n])
            if peak * most < _SMALL:
                _small(rows[m], least, grown[block], sums)
            else:
                _large(rows[m], least, exact[block], sums)
            for n in range(min(width, out.shape[1] - first)):
                out[m, first + n] = fp16_of_units(sums[n])


@njit(nogil=True, cache=True)
def _thresholds(row, largest, least):
    """Write the least magnitude of a weight that each number's product is kept for; return two bounds.

    The bounds are of the sum of magnitudes, with room for the rounding of each product, and of the numbers.
    """
    bound, peak = 0.0, np.float32(0)
    for k in range(row.shape[0]):
        least[k] = limit_of(row[k])
        bound += abs(row[k]) * largest[k]
        peak = max(peak, abs(row[k]))
    return bound + row.shape[0] / _UNIT, peak


@njit(nogil=True, cache=True)
def _small(row, least, grown, sums):
    for k in range(row.shape[0]):
        x, limit, weights = row[k], least[k], grown[k]
        for n in range(sums.shape[0]):
            sums[n] = plus_small(sums[n], x, weights[n], limit)


@njit(nogil=True, cache=True)
def _large(row, least, exact, sums):
    for k in range(row.shape[0]):
        x, limit, weights = row[k] * np.float32(_UNIT), least[k], exact[k]
        for n in range(sums.shape[0]):
            sums[n] = plus_large(sums[n], x, weights[n], limit)


@njit(nogil=True, cache=True)
def _in_order(row, exact, bias, totals):
    """Sum one row in the order of its numbers; the first partial sum of 32768 or more decides the result."""
    totals[:] = bias
    for k in range(row.shape[0]):
        x, limit, weights = row[k], limit_of(row[k]), exact[k]
        for n in range(totals.shape[0]):
            totals[n] = plus_in_order(totals[n], x, weights[n], limit)

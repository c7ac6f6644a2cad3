"""Sums of products in fp16: each step a fused multiply-add that rounds once, to nearest even.

Evidence: tests/evidence, the CPU's rows of n2 to n6 and i8: one accumulator, in the order of channels, the bias its
start. With several lanes, number k goes to lane k modulo the lanes, and the lanes are added in pairs at the end
(assumed).

A step is computed in fp32, whose product of two fp16 numbers is exact; what the sum loses is found by Knuth's two-sum,
and makes the sum odd where it is not zero, so that the second rounding, to fp16, goes as if it were the only one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mlparity.engine.numerics.kernels.bits import bits_of, fp16_of, number_of

BLOCK = 128
"""Columns that are summed together: their partial sums fit the first cache."""


@njit(nogil=True, cache=True)
def multiply(rows, weights, bias, lanes, out, start, end):
    """Write rows (M, K) times weights (K, N) plus bias (N), summed in fp16, to out (M, N), from `start` to `end`."""
    count = weights.shape[1]
    sums = np.empty((lanes, BLOCK), np.float32)
    for m in range(start, end):
        for first in range(0, count, BLOCK):
            size = min(first + BLOCK, count) - first
            sums[:] = 0
            sums[0, :size] = bias[first : first + size]
            for k in range(rows.shape[1]):
                _step(rows[m, k], weights[k, first : first + size], sums[k % lanes])
            _combine(sums, size, out[m, first : first + size])


@njit(nogil=True, cache=True)
def _step(x, weights, sums):
    for n in range(weights.shape[0]):
        sums[n] = fp16_of(odd_sum(sums[n], x * weights[n]))


@njit(nogil=True, cache=True, inline="always")
def odd_sum(a, b):
    """Return a + b in fp32, with an odd last place where it is not exact."""
    total = a + b
    part = total - a
    lost = (a - (total - part)) + (b - part)
    bits = bits_of(total)
    towards = (np.int32(lost > 0) - np.int32(lost < 0)) * (np.int32(1) - (np.int32(total < 0) << 1))
    return number_of(np.int32(bits + towards * (np.int32(1) - (bits & np.int32(1)))))


@njit(nogil=True, cache=True)
def _combine(sums, size, out):
    """Add the lanes in pairs, the first with the one half of them away, and round each addition."""
    half = sums.shape[0] // 2
    while half > 0:
        for lane in range(half):
            for n in range(size):
                sums[lane, n] = fp16_of(sums[lane, n] + sums[lane + half, n])
        half //= 2
    out[:] = sums[0, :size]

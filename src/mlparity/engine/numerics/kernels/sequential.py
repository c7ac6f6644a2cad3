"""Sums of products in fp16: each step a fused multiply-add that rounds once, to nearest even.

Evidence: tests/evidence, the CPU's rows of n2 to n6 and i8: one accumulator, in the order of channels, the bias its
start. With several lanes, number k goes to lane k modulo the lanes, and the lanes are added in pairs at the end
(assumed).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mlparity.engine.numerics.kernels.bits import fp16_of, plus_fp16


@njit(nogil=True, cache=True)
def multiply(rows, weights, bias, lanes, out, start, end):
    """Write rows (M, K) times weights (blocks) plus bias (N), summed in fp16, to out (M, N), from `start` to `end`."""
    blocks, length, width = weights.shape
    sums = np.empty((lanes, width), np.float32)
    for block in range(blocks):
        first = block * width
        size = min(width, out.shape[1] - first)
        for m in range(start, end):
            sums[:] = 0
            sums[0, :size] = bias[first : first + size]
            for k in range(length):
                _step(rows[m, k], weights[block, k], sums[k % lanes])
            _combine(sums, size, out[m, first : first + size])


@njit(nogil=True, cache=True)
def _step(x, weights, sums):
    for n in range(sums.shape[0]):
        sums[n] = plus_fp16(sums[n], x, weights[n])


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

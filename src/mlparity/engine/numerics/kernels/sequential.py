"""Sums of products in fp16: each step a fused multiply-add that rounds once, to nearest even.

Evidence: tests/evidence, the CPU's rows of n2 to n6 and i8: one accumulator, in the order of channels, the bias its
start. With several lanes, number k goes to lane k modulo the lanes, and the lanes are added in pairs at the end
(assumed).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from mlparity.engine.numerics.kernels.bits import fp16_of
from mlparity.engine.numerics.kernels.fp16_tile import COLUMNS, ROWS, row, tile


@njit(nogil=True, cache=True)
def multiply(rows, weights, bias, lanes, out, start, end):
    """Write rows (M, K) times weights (blocks) plus bias (N), summed in fp16, to out (M, N), from `start` to `end`."""
    blocks, length, width = weights.shape
    sums = np.empty((lanes, ROWS, width), np.float32)
    for block in range(blocks):
        first = block * width
        size = min(width, out.shape[1] - first)
        for m in range(start, end, ROWS):
            height = min(ROWS, end - m)
            sums[:] = 0
            sums[0, :, :size] = bias[first : first + size]
            for lane in range(lanes):
                for column in range(0, width, COLUMNS):
                    x, w = rows[m:].ctypes.data, weights[block, 0, column:].ctypes.data
                    if height == ROWS:
                        held = sums[lane, 0, column:].ctypes.data
                        tile(x, length, w, width, lane, length, lanes, held, width)
                    else:
                        for r in range(height):
                            x, held = rows[m + r].ctypes.data, sums[lane, r, column:].ctypes.data
                            row(x, length, w, width, lane, length, lanes, held, width)
            for r in range(height):
                _combine(sums[:, r], size, out[m + r, first : first + size])


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

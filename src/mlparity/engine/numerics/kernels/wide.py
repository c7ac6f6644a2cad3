"""Sums of products in fp32, in an order that is kept: one fused multiply-add after the other, or by sixteen.

Evidence: tests/evidence, the rows of the GPU and of the CPU in gemm_conv_sweep.csv, which these orders reproduce to the
last printed digits.
"""

from __future__ import annotations

import numpy as np

from mlparity.engine.numerics.kernels.bits import plus_product
from mlparity.engine.numerics.kernels.compiled import compiled


@compiled
def sequential(rows, weights, out, start, end):
    """Write rows (M, K) times weights (blocks, K, columns) to out (M, N), rows `start` to `end`, in the order of K."""
    blocks, length, width = weights.shape
    sums = np.empty(width, np.float32)
    for block in range(blocks):
        first, columns = block * width, weights[block]
        for m in range(start, end):
            sums[:] = 0
            for k in range(length):
                x, w = rows[m, k], columns[k]
                for n in range(width):
                    sums[n] = plus_product(sums[n], x, w[n])
            for n in range(min(width, out.shape[1] - first)):
                out[m, first + n] = sums[n]


@compiled
def by_sixteen(rows, weights, out, start, end):
    """As `sequential`; sixteen products go in as four sums (a + b) + (c + d), and K is a multiple of sixteen.

    b lies beside a, c and d eight places on. Each product and each sum is rounded to fp32.
    """
    blocks, length, width = weights.shape
    sums = np.empty(width, np.float32)
    for block in range(blocks):
        first, columns = block * width, weights[block]
        for m in range(start, end):
            sums[:] = 0
            row = rows[m]
            for k in range(0, length, 16):
                for a in range(k, k + 8, 2):
                    x, w = row[a], columns[a]
                    y, v = row[a + 1], columns[a + 1]
                    s, u = row[a + 8], columns[a + 8]
                    t, z = row[a + 9], columns[a + 9]
                    for n in range(width):
                        sums[n] += (x * w[n] + y * v[n]) + (s * u[n] + t * z[n])
            for n in range(min(width, out.shape[1] - first)):
                out[m, first + n] = sums[n]

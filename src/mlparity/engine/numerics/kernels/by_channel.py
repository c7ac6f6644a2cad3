"""Convolutions of one channel each, in both accumulators: a vector of channels at a time."""

from __future__ import annotations

import numpy as np
from numba import njit

from mlparity.engine.numerics.kernels.bits import (
    fp16_of_total,
    fp16_of_units,
    limit_of,
    plus_fp16,
    plus_in_order,
    plus_large,
    plus_small,
)

_UNIT = np.float32(65536.0)


@njit(nogil=True, cache=True)
def fixed_small(x, weights, bias, walk, out, start, end):
    """Convolve in fixed point where products stay below 64 and sums below 32768; `weights` are one place too large.

    Shape: x (n, H, W, C) with its padding, weights (k, l, C), bias (C) in units, out (n, h, w, C); rows of results
    n h from `start` to `end`. `walk` holds two strides and two dilations.
    """
    sums = np.empty(out.shape[3], np.int32)
    for row in range(start, end):
        n, i = row // out.shape[1], row % out.shape[1]
        for j in range(out.shape[2]):
            sums[:] = bias
            for k in range(weights.shape[0]):
                for m in range(weights.shape[1]):
                    seen, w = x[n, i * walk[0] + k * walk[2], j * walk[1] + m * walk[3]], weights[k, m]
                    for c in range(sums.shape[0]):
                        sums[c] = plus_small(sums[c], seen[c], w[c], limit_of(seen[c]))
            for c in range(sums.shape[0]):
                out[n, i, j, c] = fp16_of_units(sums[c])


@njit(nogil=True, cache=True)
def fixed_large(x, weights, bias, walk, out, start, end):
    """Convolve in fixed point where sums stay below 32768; as `fixed_small`, with weights as they are."""
    sums = np.empty(out.shape[3], np.int32)
    for row in range(start, end):
        n, i = row // out.shape[1], row % out.shape[1]
        for j in range(out.shape[2]):
            sums[:] = bias
            for k in range(weights.shape[0]):
                for m in range(weights.shape[1]):
                    seen, w = x[n, i * walk[0] + k * walk[2], j * walk[1] + m * walk[3]], weights[k, m]
                    for c in range(sums.shape[0]):
                        sums[c] = plus_large(sums[c], seen[c] * _UNIT, w[c], limit_of(seen[c]))
            for c in range(sums.shape[0]):
                out[n, i, j, c] = fp16_of_units(sums[c])


@njit(nogil=True, cache=True)
def fixed_in_order(x, weights, bias, walk, out, start, end):
    """Convolve in fixed point over the kernel's rows, infinite from the first partial sum of 32768 on."""
    totals = np.empty(out.shape[3], np.int64)
    for row in range(start, end):
        n, i = row // out.shape[1], row % out.shape[1]
        for j in range(out.shape[2]):
            totals[:] = bias
            for k in range(weights.shape[0]):
                for m in range(weights.shape[1]):
                    seen, w = x[n, i * walk[0] + k * walk[2], j * walk[1] + m * walk[3]], weights[k, m]
                    for c in range(totals.shape[0]):
                        totals[c] = plus_in_order(totals[c], seen[c], w[c], limit_of(seen[c]))
            for c in range(totals.shape[0]):
                out[n, i, j, c] = fp16_of_total(totals[c])


@njit(nogil=True, cache=True)
def sequential(x, weights, bias, walk, out, start, end):
    """Convolve in fp16, one fused multiply-add after the other, over the kernel's rows; shapes as `fixed_small`."""
    sums = np.empty(out.shape[3], np.float32)
    for row in range(start, end):
        n, i = row // out.shape[1], row % out.shape[1]
        for j in range(out.shape[2]):
            sums[:] = bias
            for k in range(weights.shape[0]):
                for m in range(weights.shape[1]):
                    seen, w = x[n, i * walk[0] + k * walk[2], j * walk[1] + m * walk[3]], weights[k, m]
                    for c in range(sums.shape[0]):
                        sums[c] = plus_fp16(sums[c], seen[c], w[c])
            out[n, i, j] = sums

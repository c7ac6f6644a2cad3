"""Rounding of whole arrays in one pass."""

from __future__ import annotations

from numba import njit

from mlparity.engine.numerics.kernels.bits import nearest_fp16


@njit(nogil=True, cache=True)
def half_away(x, out, start, end):
    """Write the elements of x from `start` to `end`, rounded to fp16's numbers half away from zero, to out."""
    for i in range(start, end):
        out[i] = nearest_fp16(x[i])

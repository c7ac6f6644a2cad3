"""Rounding of whole arrays in one pass."""

from __future__ import annotations

from mlparity.engine.numerics.kernels.bits import nearest_fp16
from mlparity.engine.numerics.kernels.compiled import compiled


@compiled
def half_away(x, out, start, end):
    """Write the elements of x from `start` to `end`, rounded to fp16's numbers half away from zero, to out.

    The parts are cut first: an index that may be negative, as numba sees it, keeps a loop from becoming vector code.
    """
    source, target = x[start:end], out[start:end]
    for i in range(source.shape[0]):
        target[i] = nearest_fp16(source[i])

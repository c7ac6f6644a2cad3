"""Whether the sums of lines stay below a limit whatever their order."""

from __future__ import annotations

import numpy as np

from mlparity.engine.numerics.kernels.compiled import compiled


@compiled
def are_bounded(numbers, starts, offsets, largest, limit):
    """Return whether the greatest products of each line add up to less than the limit; never where one is NaN.

    Lines are those of `lines.Lines`; `largest` is the greatest magnitude of a weight by k.
    """
    for start in starts:
        bound = _bound(numbers, start, offsets, largest)
        if not bound < limit:
            return False
    return True


@compiled
def _bound(numbers, start, offsets, largest):
    """Return the sum of a line's greatest products, four by four: one after the other waits for the last."""
    a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    length = offsets.shape[0]
    for k in range(0, length - 3, 4):
        a += abs(numbers[start + offsets[k]]) * largest[k]
        b += abs(numbers[start + offsets[k + 1]]) * largest[k + 1]
        c += abs(numbers[start + offsets[k + 2]]) * largest[k + 2]
        d += abs(numbers[start + offsets[k + 3]]) * largest[k + 3]
    for k in range(length - length % 4, length):
        a += abs(numbers[start + offsets[k]]) * largest[k]
    return a + b + c + d

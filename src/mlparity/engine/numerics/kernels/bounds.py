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
        bound = np.float32(0)
        for k in range(offsets.shape[0]):
            bound += abs(numbers[start + offsets[k]]) * largest[k]
        if not bound < limit:
            return False
    return True

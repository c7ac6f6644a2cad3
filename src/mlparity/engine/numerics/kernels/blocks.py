"""Weights in blocks of columns, so that a kernel streams through them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlparity.engine.numerics.lines import COLUMNS

WIDEST = 128
"""The widest block whose sums stay in the first cache."""

Floats = NDArray[np.float32]


def in_blocks(weights: Floats, widest: int = COLUMNS) -> Floats:
    """Return weights (N, K) as (blocks, K, columns), the last columns zero where N does not fill them.

    Columns are a multiple of sixteen, what the widest vector instructions take.
    """
    count, length = weights.shape
    blocks = max(1, -(-count // widest))
    width = -(-count // (blocks * COLUMNS)) * COLUMNS or COLUMNS
    whole, rest = divmod(count, width)
    result = np.zeros((blocks, length, width), np.float32)
    result[:whole] = weights[: whole * width].reshape(whole, width, length).transpose(0, 2, 1)
    if rest:
        result[whole, :, :rest] = weights[whole * width :].T
    return result

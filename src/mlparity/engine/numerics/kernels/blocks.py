"""Weights in blocks of columns, so that a kernel streams through them, with sums that stay in the first cache."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WIDEST = 128
LANES = 16
"""What the widest vector instructions take; columns are filled up with zeros to a multiple."""

Floats = NDArray[np.float32]


def in_blocks(weights: Floats) -> Floats:
    """Return weights (N, K) as (blocks, K, columns), the last columns zero where N does not fill them."""
    count, length = weights.shape
    blocks = max(1, -(-count // WIDEST))
    width = -(-count // (blocks * LANES)) * LANES
    filled = np.zeros((blocks * width, length), np.float32)
    filled[:count] = weights
    return np.ascontiguousarray(filled.reshape(blocks, width, length).transpose(0, 2, 1))

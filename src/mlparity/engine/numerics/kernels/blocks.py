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


def in_sixteens(weights: Floats) -> Floats:
    """Return several matrices of weights (B, N, K) as (B, blocks, K, 16), the last columns zero where N fills none."""
    batch, count, length = weights.shape
    blocks = max(1, -(-count // COLUMNS))
    filled = np.zeros((batch, blocks * COLUMNS, length), np.float32)
    filled[:, :count] = weights
    return np.ascontiguousarray(filled.reshape(batch, blocks, COLUMNS, length).swapaxes(2, 3))


def columns_of(bias: Floats | None, blocks: Floats) -> Floats:
    """Return what sums of blocks (B, blocks, K, 16) start from: bias (B, N), and zeros behind it."""
    start = np.zeros((blocks.shape[0], blocks.shape[1] * COLUMNS), np.float32)
    if bias is not None:
        start[:, : bias.shape[1]] = bias
    return start

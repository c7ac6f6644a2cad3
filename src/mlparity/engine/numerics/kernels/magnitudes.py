"""What the magnitudes of products add up to, by column: a sum that stays below it needs no order.

The greatest weights by k, which `bounds` takes, tell too much of long sums with many columns: here each column is
summed with its own weights, in fp32, at the price of a plain product.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from mlparity.engine.numerics.kernels.compiled import compiled
from mlparity.engine.numerics.kernels.vectors import (
    FLOATS,
    I32,
    ROWS,
    Arguments,
    Kind,
    Numbers,
    Sums,
    all_of,
    bits,
    floats,
    fused,
    tile_of,
    tiles_of,
)
from mlparity.engine.numerics.lines import COLUMNS


def _magnitude(b: Any, x: Any) -> Any:
    return floats(b, b.and_(bits(b, x), all_of(I32, 0x7FFFFFFF)))


def _step(b: Any, given: Arguments, numbers: Numbers, held: Sums, latch: Any) -> Sums:  # noqa: ARG001  # as any kind's
    weights = _magnitude(b, numbers.weights)
    after = [fused(b, _magnitude(b, x), weights, total) for x, total in zip(numbers.x, held, strict=True)]
    b.branch(latch)
    b.position_at_end(latch)
    return after


def _as_it_is(b: Any, sums: Any) -> Any:  # noqa: ARG001  # as any kind's
    return sums


_rows, _row, _channel_rows, _channel_row = tiles_of(partial(tile_of, Kind(FLOATS, _step, _as_it_is)))


@compiled
def are_below(numbers, starts, offsets, by_channel, weights, limit):
    """Return whether the products of each line, `ROWS` or one, add up to less than the limit; never where one is NaN.

    Lines are those of `lines.Lines`, weights (blocks, K, 16) in the numbers' order.
    """
    for block in range(weights.shape[0]):
        if not _are_below(numbers, starts, offsets, by_channel, weights, limit, block):
            return False
    return True


@compiled
def add_those_below(numbers, starts, offsets, by_channel, weights, limit, first, size, known):
    """Set `known` for each `size` lines that begin at a number of `first`, where `are_below` tells so of them.

    A block of weights meets all lines before the next one comes: they may be more than the caches hold.
    """
    left = ~known
    for block in range(weights.shape[0]):
        for number, m in enumerate(first):
            if left[number]:
                seen = starts[m : m + size]
                left[number] = _are_below(numbers, seen, offsets, by_channel, weights, limit, block)
    known |= left


@compiled
def _are_below(numbers, starts, offsets, by_channel, weights, limit, block):
    sums = np.zeros((ROWS + 1, COLUMNS), np.float32)  # the last row is what sums start from
    at, table, length, column = starts.ctypes.data, offsets.ctypes.data, offsets.shape[0], block * COLUMNS
    x = numbers.ctypes.data + 4 * column if by_channel else numbers.ctypes.data
    w, out = weights.ctypes.data + 4 * length * column, sums.ctypes.data
    zeros = out + 4 * ROWS * COLUMNS
    if by_channel and starts.shape[0] == ROWS:
        _channel_rows(x, at, table, w, 0, zeros, 0, length, 1, out, COLUMNS)
    elif by_channel:
        _channel_row(x, at, table, w, 0, zeros, 0, length, 1, out, COLUMNS)
    elif starts.shape[0] == ROWS:
        _rows(x, at, table, w, 0, zeros, 0, length, 1, out, COLUMNS)
    else:
        _row(x, at, table, w, 0, zeros, 0, length, 1, out, COLUMNS)
    for row in sums[: starts.shape[0]]:
        for total in row:
            if not total < limit:
                return False
    return True

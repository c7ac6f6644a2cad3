"""Sums of products in fp16: each step a fused multiply-add that rounds once, to nearest even.

Evidence: tests/evidence, the CPU's rows of n2 to n6 and i8: one accumulator, in the order of channels, the bias its
start. With several lanes, number k goes to lane k modulo the lanes, and the lanes are added in pairs at the end
(assumed). Tiles sum where no partial sum can pass 65504; the other rows are summed in plain order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlparity.engine.numerics.kernels import fp16_tile
from mlparity.engine.numerics.kernels.bits import fp16_of, plus_fp16
from mlparity.engine.numerics.kernels.blocks import Floats, columns_of, in_sixteens
from mlparity.engine.numerics.kernels.bounds import are_bounded
from mlparity.engine.numerics.kernels.compiled import compiled
from mlparity.engine.numerics.kernels.magnitudes import are_below
from mlparity.engine.numerics.kernels.vectors import ROWS
from mlparity.engine.numerics.limits import FP16_LARGEST
from mlparity.engine.numerics.lines import COLUMNS

_rows, _row = fp16_tile.rows, fp16_tile.row
_channel_rows, _channel_row = fp16_tile.channel_rows, fp16_tile.channel_row
_lane_rows, _lane_row = fp16_tile.lane_rows, fp16_tile.lane_row
_lane_channel_rows, _lane_channel_row = fp16_tile.lane_channel_rows, fp16_tile.lane_channel_row
_DOWN = np.float32(fp16_tile.DOWN)
TINY = np.float32(2.0**-140)
"""A subnormal number, for `multiply` to try the processor with: as a constant it would be compiled away."""

Doubles = NDArray[np.float64]

_WHOLE = np.float32(1 / fp16_tile.FACTOR)


@dataclass(frozen=True, slots=True)
class SequentialWeights:
    """Several matrices of weights as `multiply_each` takes them, and what a line's products may add up to with each.

    Numbers and the weights in `blocks` are both scaled, their products by `fp16_tile.DOWN`; `largest` (B, K), the
    greatest by k, and `most` (B), the greatest sum of one column's magnitudes, make up for the scale of the numbers.
    `bias` (B, N) is as it is.
    """

    blocks: Floats
    largest: Floats
    bias: Floats
    limit: Doubles
    most: Doubles


def by_lanes(length: int, lanes: int) -> NDArray[np.int64]:
    """Return the order in which `multiply` takes so many numbers: those of the first lane, then of the second.

    So that a lane's weights lie together, and long sums read them once.
    """
    return np.concatenate([np.arange(lane, length, lanes) for lane in range(lanes)])


def packed(weights: Floats, bias: Floats | None, scale: float = fp16_tile.FACTOR) -> SequentialWeights:
    """Return weights (B, N, K) and bias (B, N) as `multiply_each` takes them, for numbers that are scaled so."""
    blocks, whole = in_sixteens(weights * np.float32(fp16_tile.DOWN / scale)), 1 / scale
    start = columns_of(bias, blocks)
    size = np.abs(weights)
    limit = _limit(weights.shape[2], np.abs(start).max(1, initial=0).astype(np.float64))
    most = size.sum(2, dtype=np.float64).max(1, initial=0) * whole
    largest = size.max(1, initial=0) * np.float32(whole)
    return SequentialWeights(blocks, largest, start, limit, most)


def _limit(length: int, start: Doubles) -> Doubles:
    """Return what the magnitudes of so many products may add up to beside a bias, so that no partial sum passes 65504.

    Each step rounds up by half a place at most, one part in 2048 or 2^-25; of a long sum that tells nothing. But it
    also moves a sum by twice its product at most: the sum before was an fp16 number, and none lies nearer.
    """
    by_place = FP16_LARGEST / math.exp(min(length * 2.0**-11, 700.0)) - start - 1.0
    # The magnitudes are added in fp32, which may lose one part in 2^24 at each.
    by_product = ((FP16_LARGEST - start) / 2 - _BIAS_PLACE) * (1 - length * 2.0**-23)
    limit = np.maximum(by_place, by_product)
    return np.where(np.isfinite(limit), limit, -1.0)


_BIAS_PLACE = 32.0
"""The widest place of fp16: a bias may be no fp16 number."""


@compiled
def multiply_each(
    numbers, starts, offsets, by_channel, weights, largest, bias, limit, tiny, lanes, is_safe, out, start, end
):
    """Do `multiply` for each of several matrices, lines `start` to `end` of all their lines: starts (B, M).

    Shape: weights (W, blocks, K, 16), largest (W, K), bias (W, N), limit and is_safe (W), out (B, M, N). The matrices
    take the W weights in turn.
    """
    rows = starts.shape[1]
    for b in range(start // rows, (end - 1) // rows + 1):
        first, last, w = max(start - b * rows, 0), min(end - b * rows, rows), b % weights.shape[0]
        held = (largest[w], bias[w], limit[w], tiny, lanes, is_safe[w])
        multiply(numbers, starts[b], offsets, by_channel, weights[w], *held, out[b], first, last)


@compiled
def multiply(
    numbers, starts, offsets, by_channel, weights, largest, bias, limit, tiny, lanes, is_safe, out, start, end
):
    """Write lines `start` to `end` (see `lines.Lines`) times weights (blocks, K, 16) plus bias, to out (M, N).

    Offsets and weights are in the order of `by_lanes`.
    See `SequentialWeights` for the weights. No partial sum passes 65504 where the greatest products of a line add up to
    less than `limit`, or where all are known to be safe. `tiny` is `TINY`.
    """
    sums, scaled = np.empty((lanes, ROWS, COLUMNS), np.float32), bias * _DOWN
    can = tiny + tiny > 0  # not so where this thread flushes subnormal numbers, as set_flush_denormal makes it
    size = ROWS if end - start >= ROWS else 1
    for first in range(start, end, size):
        m = min(first, end - size)
        seen = starts[m : m + size]
        by_tile = is_safe or (not by_channel and are_bounded(numbers, seen, offsets, largest, limit))
        if can and (by_tile or are_below(numbers, seen, offsets, by_channel, weights, limit * _DOWN)):
            _by_tile(numbers, starts, offsets, by_channel, weights, scaled, size, sums, out, m)
        else:
            for row in range(m, m + size):
                _in_order(numbers, starts[row], offsets, by_channel, weights, bias, sums[:, 0], out[row])


@compiled
def _lane(length, lanes, lane):
    """Return where a lane's numbers begin in the order of `by_lanes`, and where they end."""
    each, more = length // lanes, length % lanes
    return lane * each + min(lane, more), (lane + 1) * each + min(lane + 1, more)


@compiled
def _by_tile(numbers, starts, offsets, by_channel, weights, initial, size, sums, out, m):
    """Write `size` lines, ROWS or one, from line m on; `initial` (N) are the biases, `DOWN` times as large.

    `sums` are room for the lanes' results, and for a tile that is wider than what is left of `out`.
    """
    x, at, table, w = numbers.ctypes.data, starts.ctypes.data + 8 * m, offsets.ctypes.data, weights.ctypes.data
    begin, room, width = initial.ctypes.data, sums.ctypes.data, out.shape[1]
    length, in_lanes = offsets.shape[0], sums.shape[0] > 1
    for block in range(weights.shape[0]):
        column = block * COLUMNS
        in_place = column + COLUMNS <= width
        end, apart = (out.ctypes.data + 4 * (m * width + column), width) if in_place else (room, COLUMNS)
        seen, weight, bias = x + 4 * column if by_channel else x, w + 4 * length * column, begin + 4 * column
        _tile(seen, at, table, weight, room, bias, length, end, apart, by_channel, in_lanes, size)
        if not in_place:
            for r in range(size):
                for n in range(width - column):
                    out[m + r, column + n] = sums[0, r, n]


@compiled
def _tile(x, at, table, w, room, bias, length, out, apart, by_channel, in_lanes, size):
    """Sum one tile: two kinds, in one lane or in several, of two sizes."""
    if in_lanes:
        if by_channel and size == ROWS:
            _lane_channel_rows(x, at, table, w, room, bias, 0, length, 1, out, apart)
        elif by_channel:
            _lane_channel_row(x, at, table, w, room, bias, 0, length, 1, out, apart)
        elif size == ROWS:
            _lane_rows(x, at, table, w, room, bias, 0, length, 1, out, apart)
        else:
            _lane_row(x, at, table, w, room, bias, 0, length, 1, out, apart)
    elif by_channel and size == ROWS:
        _channel_rows(x, at, table, w, 0, bias, 0, length, 1, out, apart)
    elif by_channel:
        _channel_row(x, at, table, w, 0, bias, 0, length, 1, out, apart)
    elif size == ROWS:
        _rows(x, at, table, w, 0, bias, 0, length, 1, out, apart)
    else:
        _row(x, at, table, w, 0, bias, 0, length, 1, out, apart)


@compiled
def _in_order(numbers, start, offsets, by_channel, weights, bias, sums, out):
    """Write one line to out (N), whatever its partial sums come to; sums (lanes, 16) are room for them."""
    for column in range(0, out.shape[0], COLUMNS):
        block = weights[column // COLUMNS]
        sums[:] = 0
        sums[0] = bias[column : column + COLUMNS]
        for lane in range(sums.shape[0]):
            first, last = _lane(offsets.shape[0], sums.shape[0], lane)
            for k in range(first, last):
                at = start + offsets[k]
                for n in range(COLUMNS):
                    x = numbers[at + column + n] if by_channel else numbers[at]
                    sums[lane, n] = plus_fp16(sums[lane, n], x * _WHOLE, block[k, n] * _WHOLE)
        half = sums.shape[0] // 2
        while half > 0:
            for lane in range(half):
                for n in range(COLUMNS):
                    sums[lane, n] = fp16_of(sums[lane, n] + sums[lane + half, n])
            half //= 2
        for n in range(min(COLUMNS, out.shape[0] - column)):
            out[column + n] = sums[0, n]

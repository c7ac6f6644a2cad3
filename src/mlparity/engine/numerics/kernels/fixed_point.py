"""Sums of products in fixed point: 32 bits with 16 of them below the point, as the Neural Engine keeps them.

A product of two fp16 numbers is kept where their exponents add up to -16 or more, and rounded half away from zero to a
multiple of 2^-16. A partial sum that reaches 32768 is infinite from then on. Infinities and NaN are read as numbers
with the exponent 16. Evidence: tests/evidence, n2 to n6; the sum is rounded once, half away from zero, to fp16.

Sums of integers need no order while the sum of magnitudes stays below 32768: there tiles sum. Rows where it may not
are summed in order, in 64 bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlparity.engine.numerics.kernels import fixed_tile
from mlparity.engine.numerics.kernels.bits import fp16_of_total, plus_in_order
from mlparity.engine.numerics.kernels.blocks import Floats, columns_of, in_sixteens
from mlparity.engine.numerics.kernels.bounds import are_bounded
from mlparity.engine.numerics.kernels.compiled import compiled
from mlparity.engine.numerics.kernels.magnitudes import add_those_below
from mlparity.engine.numerics.kernels.threads import over_rows
from mlparity.engine.numerics.kernels.vectors import ROWS
from mlparity.engine.numerics.limits import FIXED_POINT_LIMIT, FIXED_POINT_UNIT
from mlparity.engine.numerics.lines import COLUMNS

_small_rows, _small_row = fixed_tile.small_rows, fixed_tile.small_row
_large_rows, _large_row = fixed_tile.large_rows, fixed_tile.large_row
_small_channel_rows, _small_channel_row = fixed_tile.small_channel_rows, fixed_tile.small_channel_row
_large_channel_rows, _large_channel_row = fixed_tile.large_channel_rows, fixed_tile.large_channel_row

_AT_REST = fixed_tile.AT_REST
_UNIT = 1 / FIXED_POINT_UNIT
SMALL = 64.0
"""Products below it can be rounded by adding 192; see `fixed_tile`."""

_FOUR, _MANY = 4, 64
"""Columns that are told apart together where there are many, before each is for itself (measured on x86)."""

_LIMIT = FIXED_POINT_LIMIT - 1


@dataclass(frozen=True, slots=True)
class FixedPointWeights:
    """Several matrices of weights as `multiply_each` takes them, in blocks of sixteen columns.

    `grown` are one place of fp32 too large each, `units` 2^16 times as large; a product is kept where the number is
    not below `bounds` in magnitude. `largest` (B, K) is the greatest magnitude by k, `quads` that of four columns each
    in blocks of sixteen, `greatest` (B) that of all, `most` (B) the greatest sum of one column's magnitudes. `bias`
    (B, N) is in units, `limit` (B) what products may add up to beside it.
    """

    grown: Floats
    units: Floats
    bounds: Floats
    largest: Floats
    quads: Floats
    bias: NDArray[np.int64]
    limit: NDArray[np.float64]
    greatest: NDArray[np.float64]
    most: NDArray[np.float64]


def packed(weights: Floats, bias: Floats | None) -> FixedPointWeights:
    """Return weights (B, N, K) and bias (B, N) as `multiply_each` takes them."""
    exact = decoded(weights)
    size, blocks = np.abs(exact), in_sixteens(exact)
    start = columns_of(None if bias is None else decoded(bias), blocks)
    length = weights.shape[2]
    # Each product is rounded by half a unit; magnitudes are added in fp32, which may lose one part in 2^24 at each.
    limit = (_LIMIT - np.abs(start).max(1, initial=0).astype(np.float64) - length / _UNIT) * (1 - length * 2.0**-23)
    most = size.sum(2, dtype=np.float64).max(1, initial=0)
    largest = size.max(1, initial=0)
    greatest = largest.max(1, initial=0).astype(np.float64)
    held = (*_derived(blocks), largest, _quads(size), in_units(start))
    return FixedPointWeights(*held, limit, greatest, most)


def _quads(size: Floats) -> Floats:
    """Return the greatest of four columns each of magnitudes (B, N, K), in blocks; none where they are few."""
    if size.shape[1] < _MANY:
        return np.empty((size.shape[0], 0, size.shape[2], COLUMNS), np.float32)
    filled = np.pad(size, ((0, 0), (0, -size.shape[1] % _FOUR), (0, 0)))
    return in_sixteens(filled.reshape(size.shape[0], -1, _FOUR, size.shape[2]).max(2))


def _derived(blocks: Floats) -> tuple[Floats, Floats, Floats]:
    """Return weights one place of fp32 too large each, but for zeros, those in units, and the bounds of numbers.

    A number's product with a weight is kept where it is not below the bound in magnitude. Exponents must add up to -16;
    a subnormal number's counts as -14, and from -2 on every number's is enough.
    """
    grown, units, bounds = np.empty_like(blocks), np.empty_like(blocks), np.empty_like(blocks)
    given = blocks.reshape(-1).view(np.int32)
    held = [each.reshape(-1).view(np.int32) for each in (grown, bounds)]
    over_rows(lambda start, end: _derive(given, *held, start, end), given.size, 1, COLUMNS)
    np.multiply(blocks, np.float32(_UNIT), out=units)
    return grown, units, bounds


@compiled
def _derive(given, grown, bounds, start, end):
    """Write the bits of what `_derived` says but for units."""
    for i in range(start, end):
        bits = given[i]
        exponent = max((bits >> 23) & 0xFF, 127 - 14)  # fp16's subnormals are normal in fp32
        grown[i] = bits + (1 if bits & 0x7FFFFFFF else 0)
        bounds[i] = (2 * 127 - 16 - exponent) << 23 if exponent < 127 - 2 else 0


def in_units(values: NDArray[np.floating]) -> NDArray[np.int64]:
    """Return numbers as whole numbers of 2^-16, half away from zero."""
    wide = values.astype(np.float64)
    return np.trunc(wide * _UNIT + np.copysign(0.5, wide)).astype(np.int64)


def decoded(values: Floats) -> Floats:
    """Return fp16 values held in fp32, where the exponent of infinities and NaN counts as 16."""
    bits = np.ascontiguousarray(values, np.float32).view(np.int32)
    special = (bits & 0x7F800000) == 0x7F800000
    if not special.any():
        return bits.view(np.float32)
    return np.where(special, (bits & ~0x7F800000) | ((127 + 16) << 23), bits).astype(np.int32).view(np.float32)


@compiled
def multiply_each(
    numbers,
    starts,
    offsets,
    by_channel,
    grown,
    units,
    bounds,
    largest,
    quads,
    bias,
    limit,
    is_small,
    is_safe,
    out,
    start,
    end,
):
    """Do `multiply` for each of several matrices, lines `start` to `end` of all their lines: starts (B, M).

    Shape: grown, units and bounds (W, blocks, K, 16), largest (W, K), quads (W, fours, K, 16), bias (W, N), limit,
    is_small and is_safe (W), out (B, M, N). The matrices take the W weights in turn.
    """
    rows = starts.shape[1]
    for b in range(start // rows, (end - 1) // rows + 1):
        first, last, w = max(start - b * rows, 0), min(end - b * rows, rows), b % grown.shape[0]
        held = (grown[w], units[w], bounds[w], largest[w], quads[w], bias[w], limit[w], is_small[w], is_safe[w])
        multiply(numbers, starts[b], offsets, by_channel, *held, out[b], first, last)


@compiled
def multiply(
    numbers,
    starts,
    offsets,
    by_channel,
    grown,
    units,
    bounds,
    largest,
    quads,
    bias,
    limit,
    is_small,
    is_safe,
    out,
    start,
    end,
):
    """Write lines `start` to `end` (see `lines.Lines`) times weights (blocks, K, 16) plus bias, to out (M, N).

    See `FixedPointWeights` for the weights. `is_small` says that products stay below 64, `is_safe` that no sum reaches
    32768.
    """
    initial = np.empty(bias.shape[0], np.int32)
    for n in range(bias.shape[0]):
        initial[n] = np.int32(bias[n] - (offsets.shape[0] * _AT_REST if is_small else 0))
    weights = grown if is_small else units
    size, most = ROWS if end - start >= ROWS else 1, limit if is_small else limit * _UNIT
    first = np.minimum(np.arange(start, end, size), end - size)
    by_tile = np.empty(first.shape[0], np.bool_)
    for number, m in enumerate(first):
        seen = starts[m : m + size]
        by_tile[number] = is_safe or (not by_channel and are_bounded(numbers, seen, offsets, largest, limit))
    if not is_safe and not by_channel and quads.shape[0]:
        add_those_below(numbers, starts, offsets, by_channel, quads, limit, first, size, by_tile)
    if not is_safe:
        add_those_below(numbers, starts, offsets, by_channel, weights, most, first, size, by_tile)
    # A block of weights meets all lines before the next one comes: they may be more than the caches hold.
    for block in range(weights.shape[0]):
        for number, m in enumerate(first):
            if by_tile[number]:
                _by_tile(numbers, starts, offsets, by_channel, weights, bounds, is_small, initial, size, out, m, block)
    for number, m in enumerate(first):
        if not by_tile[number]:
            for row in range(m, m + size):
                _in_order(numbers, starts[row], offsets, by_channel, units, bounds, bias, out[row])


@compiled
def _by_tile(numbers, starts, offsets, by_channel, weights, bounds, is_small, initial, size, out, m, block):
    """Write a block of `size` lines, ROWS or one, from line m on; `initial` are units that sums start from."""
    x, at, table, w = numbers.ctypes.data, starts.ctypes.data + 8 * m, offsets.ctypes.data, weights.ctypes.data
    least, begin, length, width = bounds.ctypes.data, initial.ctypes.data, offsets.shape[0], out.shape[1]
    spare, column = np.empty((ROWS, COLUMNS), np.float32), block * COLUMNS
    in_place = column + COLUMNS <= width
    end, apart = (out.ctypes.data + 4 * (m * width + column), width) if in_place else (spare.ctypes.data, COLUMNS)
    seen, skip = x + 4 * column if by_channel else x, 4 * length * column
    _tile(seen, at, table, w + skip, least + skip, begin + 4 * column, length, end, apart, by_channel, is_small, size)
    if not in_place:
        for r in range(size):
            for n in range(width - column):
                out[m + r, column + n] = spare[r, n]


@compiled
def _tile(x, at, table, w, least, begin, length, out, apart, by_channel, is_small, size):
    """Sum one tile: four kinds of two sizes."""
    if is_small:
        if by_channel and size == ROWS:
            _small_channel_rows(x, at, table, w, least, begin, 0, length, 1, out, apart)
        elif by_channel:
            _small_channel_row(x, at, table, w, least, begin, 0, length, 1, out, apart)
        elif size == ROWS:
            _small_rows(x, at, table, w, least, begin, 0, length, 1, out, apart)
        else:
            _small_row(x, at, table, w, least, begin, 0, length, 1, out, apart)
    elif by_channel and size == ROWS:
        _large_channel_rows(x, at, table, w, least, begin, 0, length, 1, out, apart)
    elif by_channel:
        _large_channel_row(x, at, table, w, least, begin, 0, length, 1, out, apart)
    elif size == ROWS:
        _large_rows(x, at, table, w, least, begin, 0, length, 1, out, apart)
    else:
        _large_row(x, at, table, w, least, begin, 0, length, 1, out, apart)


@compiled
def _in_order(numbers, start, offsets, by_channel, units, bounds, bias, out):
    """Write one line to out (N), summed in its order: the first partial sum of 32768 or more decides the result."""
    totals = np.empty(COLUMNS, np.int64)
    for column in range(0, out.shape[0], COLUMNS):
        block = column // COLUMNS
        totals[:] = bias[column : column + COLUMNS]
        for k in range(offsets.shape[0]):
            at = start + offsets[k]
            for n in range(COLUMNS):
                x = numbers[at + column + n] if by_channel else numbers[at]
                totals[n] = plus_in_order(totals[n], x, units[block, k, n], bounds[block, k, n])
        for n in range(min(COLUMNS, out.shape[0] - column)):
            out[column + n] = fp16_of_total(totals[n])

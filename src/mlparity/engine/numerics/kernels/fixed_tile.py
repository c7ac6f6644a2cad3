"""Steps of a sum in fixed point, in units of 2^-16, as vector code.

A small product is rounded by adding 192, whose last place in fp32 is 2^-16: the low bits of the sum are then the
rounded product. Halves would go to even; weights that are one place of fp32 too large send them away from zero, and
change nothing else while the product is below 64. A product that is dropped leaves 192, so that each step adds the
bits of 192 besides: `AT_REST` times the steps have to be taken away.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from mlparity.engine.numerics.kernels.bits import nearest_of_units
from mlparity.engine.numerics.kernels.vectors import (
    F32,
    FLOATS,
    I32,
    INTS,
    Arguments,
    Kind,
    Numbers,
    Sums,
    all_of,
    at,
    bits,
    floats,
    fused,
    tile_of,
    tiles_of,
)

MAGIC = 192.0
AT_REST = 0x43400000
"""The bits of 192."""


def _kept(b: Any, x: Any, least: Any) -> Any:
    """Return where a product is kept: |x| is not below the bound that the weight sets."""
    return b.fcmp_ordered(">=", floats(b, b.and_(bits(b, x), all_of(I32, 0x7FFFFFFF))), least)


def _least(b: Any, given: Arguments, numbers: Numbers) -> Any:
    return b.load(at(b, given.bounds, numbers.index, FLOATS), align=4)


def _small(b: Any, given: Arguments, numbers: Numbers, held: Sums, latch: Any) -> Sums:
    least, magic = _least(b, given, numbers), all_of(F32, MAGIC)
    after = []
    for x, total in zip(numbers.x, held, strict=True):
        product = b.select(_kept(b, x, least), fused(b, x, numbers.weights, magic), magic)
        after.append(b.add(total, bits(b, product)))
    b.branch(latch)
    b.position_at_end(latch)
    return after


def _large(b: Any, given: Arguments, numbers: Numbers, held: Sums, latch: Any) -> Sums:
    """The same of products of any size; weights are in units."""
    least, after = _least(b, given, numbers), []
    for x, total in zip(numbers.x, held, strict=True):
        product = b.fmul(x, numbers.weights)
        sign = b.and_(bits(b, product), all_of(I32, -(1 << 31)))
        half = floats(b, b.or_(sign, all_of(I32, 0x3F000000)))
        units = b.fptosi(b.fadd(product, half), INTS)
        after.append(b.add(total, b.select(_kept(b, x, least), units, all_of(I32, 0))))
    b.branch(latch)
    b.position_at_end(latch)
    return after


small_rows, small_row, small_channel_rows, small_channel_row = tiles_of(
    partial(tile_of, Kind(INTS, _small, nearest_of_units))
)
large_rows, large_row, large_channel_rows, large_channel_row = tiles_of(
    partial(tile_of, Kind(INTS, _large, nearest_of_units))
)

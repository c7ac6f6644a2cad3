"""Tiles of fp32 sums that stay in registers: rows times columns of a matrix, and the taps of one channel each.

A tile's sums start at zero; what was summed before is added once at its end. So a long sum is one of short parts, which
is what keeps its error small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from mlparity.engine.numerics.kernels.vectors import F32, FLOATS, HALVES, SIZE, all_of, at, fused, has_avx512, spread
from mlparity.engine.numerics.lines import COLUMNS

HEIGHT, WIDTH = (8, 3) if has_avx512() else (6, 1)
"""Rows of a tile, and its columns by sixteen: sums fill 24 of 32 registers with AVX-512 or NEON, 12 of 16 with AVX2."""

BYTES = 4 * COLUMNS


@dataclass(frozen=True, slots=True)
class Ends:
    """What a sum goes through when it is whole.

    `bias` is the address of the columns' offsets, `limits` of the least and the greatest result, in fp32; `rounds` says
    whether results are rounded to fp16's numbers, to nearest even, before they are limited.
    """

    bias: Any
    limits: Any
    rounds: Any


def vector(b: Any, address: Any) -> Any:
    """Emit the sixteen numbers at an address."""
    return b.load(b.inttoptr(address, FLOATS.as_pointer()), align=4)


def put(b: Any, address: Any, value: Any) -> None:
    """Emit the writing of sixteen numbers to an address."""
    b.store(value, b.inttoptr(address, FLOATS.as_pointer()), align=4)


def _fetch(b: Any, address: Any) -> None:
    """Emit the wish to have what is at the address in the caches soon; an address of nothing does no harm."""
    kind, flag, name = ir.IntType(8).as_pointer(), ir.IntType(32), "llvm.prefetch.p0"
    known = b.module.globals.get(name)
    fetch = known or ir.Function(b.module, ir.FunctionType(ir.VoidType(), [kind, flag, flag, flag]), name)
    b.call(fetch, [b.inttoptr(address, kind), flag(0), flag(2), flag(1)])  # to read, into the second cache, data


def _limited(b: Any, x: Any, low: Any, high: Any) -> Any:
    x = b.select(b.fcmp_ordered("<", x, low), low, x)
    return b.select(b.fcmp_ordered(">", x, high), high, x)


def _write(b: Any, sums: Sequence[Any], outs: Sequence[Any], biases: Sequence[Any], ends: Ends) -> None:
    """Emit the offsets, the rounding and the limits of whole sums, and write them."""
    low, high = (spread(b, b.load(at(b, ends.limits, SIZE(place), F32))) for place in range(2))
    whole = [b.fadd(total, bias) for total, bias in zip(sums, biases, strict=True)]
    with b.if_else(b.icmp_signed("!=", ends.rounds, SIZE(0))) as (rounded, kept):
        with rounded:
            for total, out in zip(whole, outs, strict=True):
                put(b, out, _limited(b, b.fpext(b.fptrunc(total, HALVES), FLOATS), low, high))
        with kept:
            for total, out in zip(whole, outs, strict=True):
                put(b, out, _limited(b, total, low, high))


def product_tile(height: int, width: int) -> Any:
    """Return the intrinsic of `height` rows times `width` blocks of sixteen columns.

    Its arguments are integers: the address of x, bytes from row to row, the address of the weights, bytes from block to
    block, numbers to sum, the address of the results, bytes from row to row; whether they hold a sum to add to, whether
    the sum is whole then; and `Ends`. Weights are sixteen a number.
    """

    def tile(  # type: ignore[no-untyped-def]  # the arguments are numba's
        _typing, _x, _x_step, _weights, _block_step, _length, _out, _out_step, _more, _last, _bias, _limits, _rounds
    ):
        def build(context: Any, b: Any, _signature: Any, values: Any) -> Any:
            x, x_step, weights, block_step, length, out, out_step, more, last, *ends = values
            rows = [b.add(x, b.mul(x_step, SIZE(row))) for row in range(height)]
            blocks = [b.add(weights, b.mul(block_step, SIZE(block))) for block in range(width)]
            sums = _product(b, rows, blocks, length, b.mul(block_step, SIZE(width)))
            starts = [b.add(out, b.mul(out_step, SIZE(row))) for row in range(height)]
            outs = [b.add(start, SIZE(BYTES * block)) for start in starts for block in range(width)]
            with b.if_then(b.icmp_signed("!=", more, SIZE(0))):
                for total, end in zip(sums, outs, strict=True):
                    b.store(b.fadd(vector(b, end), b.load(total)), total)
            results = [b.load(total) for total in sums]
            with b.if_else(b.icmp_signed("!=", last, SIZE(0))) as (whole, part):
                with whole:
                    given = Ends(*ends)
                    biases = [vector(b, b.add(given.bias, SIZE(BYTES * block))) for block in range(width)]
                    _write(b, results, outs, biases * height, given)
                with part:
                    for result, end in zip(results, outs, strict=True):
                        put(b, end, result)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 12), build

    return intrinsic(tile)


def _product(b: Any, rows: Sequence[Any], blocks: Sequence[Any], length: Any, ahead: Any) -> list[Any]:
    """Emit the loop over what is summed; return where the sums are, row by row."""
    sums = [cgutils.alloca_once_value(b, all_of(F32, 0.0)) for _ in range(len(rows) * len(blocks))]
    with cgutils.for_range(b, length) as loop:
        addresses = [b.add(block, b.mul(loop.index, SIZE(BYTES))) for block in blocks]
        columns = [vector(b, address) for address in addresses]
        for address in addresses:
            _fetch(b, b.add(address, ahead))
        for row, start in enumerate(rows):
            number = spread(b, b.load(at(b, start, loop.index, F32)))
            for index, weight in enumerate(columns, row * len(blocks)):
                b.store(fused(b, number, weight, b.load(sums[index])), sums[index])
    return sums


def taps_tile(height: int, by_position: bool) -> Any:
    """Return the intrinsic of a depthwise sum: sixteen channels at `height` positions, or as many blocks at one.

    Its arguments are integers: the address of x, bytes from result to result; rows and columns of taps, bytes in x from
    row to row and from column to column; the address of the weights, sixteen a tap, bytes there from row to row, and
    from block to block; the address of the results, bytes from result to result; and `Ends`. `by_position` the results
    share weights and offsets.
    """

    def tile(  # type: ignore[no-untyped-def]  # the arguments are numba's
        _typing, _x, _x_step, _high, _wide, _y, _z, _weights, _row, _block, _out, _out_step, _bias, _limits, _rounds
    ):
        def build(context: Any, b: Any, _signature: Any, values: Any) -> Any:
            x, x_step, high, wide, y_step, z_step, weights, row_step, block_step, out, out_step, *ends = values
            sums = [cgutils.alloca_once_value(b, all_of(F32, 0.0)) for _ in range(height)]
            steps = [b.mul(x_step, SIZE(number)) for number in range(height)]
            apart = [b.mul(block_step, SIZE(number)) for number in range(1 if by_position else height)]
            with cgutils.for_range(b, high) as rows, cgutils.for_range(b, wide) as taps:
                start = b.add(x, b.add(b.mul(rows.index, y_step), b.mul(taps.index, z_step)))
                tap = b.add(weights, b.add(b.mul(rows.index, row_step), b.mul(taps.index, SIZE(BYTES))))
                found = [vector(b, b.add(tap, offset)) for offset in apart] * (height // len(apart))
                for total, step, weight in zip(sums, steps, found, strict=True):
                    b.store(fused(b, vector(b, b.add(start, step)), weight, b.load(total)), total)
            given = Ends(*ends)
            biases = [vector(b, b.add(given.bias, SIZE(BYTES * number))) for number in range(len(apart))]
            outs = [b.add(out, b.mul(out_step, SIZE(number))) for number in range(height)]
            _write(b, [b.load(total) for total in sums], outs, biases * (height // len(apart)), given)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 14), build

    return intrinsic(tile)


@intrinsic
def put_one(_typing, _address, _value):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Write one number in fp32 to an address."""

    def build(context: Any, b: Any, _signature: Any, values: Any) -> Any:
        b.store(values[1], b.inttoptr(values[0], F32.as_pointer()))
        return context.get_dummy_value()

    return types.void(types.intp, types.float32), build


@intrinsic
def one_of(_typing, _address):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Return the number in fp32 at an address."""

    def build(_context: Any, b: Any, _signature: Any, values: Any) -> Any:
        return b.load(b.inttoptr(values[0], F32.as_pointer()))

    return types.float32(types.intp), build


@intrinsic
def put_sixteen(_typing, _address, _source):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Write the sixteen numbers at an address to another."""

    def build(context: Any, b: Any, _signature: Any, values: Any) -> Any:
        put(b, values[0], vector(b, values[1]))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), build


@intrinsic
def round_sixteen(_typing, _address):  # type: ignore[no-untyped-def]  # the arguments are numba's
    """Round the sixteen numbers at an address to fp16's, to nearest even."""

    def build(context: Any, b: Any, _signature: Any, values: Any) -> Any:
        put(b, values[0], b.fpext(b.fptrunc(vector(b, values[0]), HALVES), FLOATS))
        return context.get_dummy_value()

    return types.void(types.intp), build

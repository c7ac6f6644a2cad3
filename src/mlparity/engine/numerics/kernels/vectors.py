"""A tile: several rows of sixteen sums that stay in registers while a loop goes over what is added to them.

A row of numbers is where its start and the table of offsets say: number k of row r is at `starts[r] + offsets[k]`. So a
convolution needs no patches of its own, and sums in whatever order the table has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import config
from numba.extending import intrinsic

from mlparity.engine.numerics.lines import COLUMNS, LANES


def has_avx512() -> bool:
    """Return whether numba compiles for it: for this processor, or for the one that NUMBA_CPU_FEATURES describes."""
    asked = config.CPU_FEATURES  # type: ignore[attr-defined]
    return "+avx512f" in asked if asked is not None else binding.get_host_cpu_features().get("avx512f", False)


ROWS = 6 if has_avx512() else 4
"""Enough to hide how long one step takes, and few enough to stay in registers (measured on x86)."""

F32, I32, SIZE = ir.FloatType(), ir.IntType(32), ir.IntType(64)
FLOATS, INTS = ir.VectorType(F32, COLUMNS), ir.VectorType(I32, COLUMNS)
HALVES = ir.VectorType(ir.HalfType(), COLUMNS)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a tile: addresses of 32-bit numbers, but for 64-bit `starts` and `offsets`; the rest are counts.

    `weights` are sixteen a number, as are `bounds`, which only some tiles read; `initial` are sixteen sums that each
    row starts from. Numbers `first`, `first + step` and so on below `length` are summed. The results of a row go to
    `out`, rows `apart` numbers from each other.
    """

    numbers: Any
    starts: Any
    offsets: Any
    weights: Any
    bounds: Any
    initial: Any
    first: Any
    length: Any
    step: Any
    out: Any
    apart: Any


Sums = list[Any]
Step = Callable[[Any, Arguments, "Numbers", Sums, Any], Sums]
"""Emit one step: the builder, the arguments, the numbers of all rows, the sums before and the latch; the sums after."""

Finish = Callable[[Any, Any], Any]
"""Emit what makes sixteen sums results, in fp32: the builder and the sums."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers that one step adds the products of: x by row, and the weights of the sixteen columns.

    `index` is the number's index among weights and bounds; `again` emits reading them once more.
    """

    x: list[Any]
    weights: Any
    index: Any
    again: Callable[[Any], Numbers]


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to sum: the type of sixteen sums, one step, and what makes them results."""

    sums: Any
    step: Step
    finish: Finish


def all_of(kind: Any, value: Any) -> Any:
    """Return sixteen times one constant."""
    return ir.Constant(ir.VectorType(kind, COLUMNS), [value] * COLUMNS)


def bits(b: Any, x: Any) -> Any:
    """Return sixteen numbers' bits."""
    return b.bitcast(x, INTS)


def floats(b: Any, x: Any) -> Any:
    """Return the numbers that have these bits."""
    return b.bitcast(x, FLOATS)


def at(b: Any, address: Any, index: Any, kind: Any) -> Any:
    """Return a pointer to a 32-bit number of an array, or to the sixteen from there on."""
    return b.inttoptr(b.add(address, b.mul(index, SIZE(4))), kind.as_pointer())


def spread(b: Any, x: Any) -> Any:
    """Return sixteen times one number."""
    nothing = ir.Constant(FLOATS, ir.Undefined)
    return b.shuffle_vector(b.insert_element(nothing, x, I32(0)), nothing, ir.Constant(INTS, None))


def fused(b: Any, x: Any, y: Any, z: Any) -> Any:
    """Return x y + z, rounded once."""
    name = "llvm.fma.v16f32"
    known = b.module.globals.get(name)
    return b.call(known or ir.Function(b.module, ir.FunctionType(FLOATS, [FLOATS] * 3), name), [x, y, z])


def _table(b: Any, address: Any, index: Any) -> Any:
    return b.load(b.inttoptr(b.add(address, b.mul(index, SIZE(8))), SIZE.as_pointer()))


def _row_starts(b: Any, given: Arguments, height: int) -> list[Any]:
    """Return the addresses of the rows' first numbers."""
    return [b.add(given.numbers, b.mul(_table(b, given.starts, SIZE(row)), SIZE(4))) for row in range(height)]


def _loop(b: Any, kind: Kind, by_column: bool, given: Arguments, starts: Sequence[Any], initial: Any) -> list[Any]:
    """Emit the loop over what is added to each row's `initial`; return the sums after it."""
    before = b.block
    loop, latch, done = (b.append_basic_block(name) for name in ("loop", "latch", "done"))
    b.cbranch(b.icmp_signed("<", given.first, given.length), loop, done)
    b.position_at_end(loop)
    k, held = b.phi(SIZE), [b.phi(kind.sums) for _ in starts]
    after = kind.step(b, given, _numbers(b, given, starts, k, by_column), held, latch)
    following = b.add(k, given.step)
    for phi, value, start in zip((k, *held), (following, *after), (given.first, *[initial] * len(held)), strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(value, latch)
    b.cbranch(b.icmp_signed("<", following, given.length), loop, done)
    b.position_at_end(done)
    results = [b.phi(kind.sums) for _ in starts]
    for result, last in zip(results, after, strict=True):
        result.add_incoming(initial, before)
        result.add_incoming(last, latch)
    return results


def _numbers(b: Any, given: Arguments, starts: Sequence[Any], k: Any, by_column: bool) -> Numbers:
    offset, row = _table(b, given.offsets, k), b.mul(k, SIZE(COLUMNS))

    def read(b: Any) -> Numbers:
        weights = b.load(at(b, given.weights, row, FLOATS), align=4)
        if by_column:
            return Numbers([b.load(at(b, start, offset, FLOATS), align=4) for start in starts], weights, row, read)
        return Numbers([spread(b, b.load(at(b, start, offset, F32))) for start in starts], weights, row, read)

    return read(b)


def tile_of(kind: Kind, height: int, by_column: bool) -> Any:
    """Return the intrinsic that takes `Arguments` as integers.

    Each row's number goes to all sixteen columns, or, `by_column`, each column has its own, beside the row's.
    """

    def tile(  # type: ignore[no-untyped-def]  # the arguments are numba's
        _typing, _numbers, _starts, _offsets, _weights, _bounds, _initial, _first, _length, _step, _out, _apart
    ):
        def build(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            given = Arguments(*values)
            initial = builder.load(at(builder, given.initial, SIZE(0), kind.sums), align=4)
            starts = _row_starts(builder, given, height)
            for row, sums in enumerate(_loop(builder, kind, by_column, given, starts, initial)):
                end = at(builder, given.out, builder.mul(given.apart, SIZE(row)), FLOATS)
                builder.store(kind.finish(builder, sums), end, align=4)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 11), build

    return intrinsic(tile)


Plus = Callable[[Any, Any, Any], Any]
"""Emit the addition of two lanes' results: the builder and both."""


def lane_tile_of(kind: Kind, plus: Plus, height: int, by_column: bool) -> Any:
    """Return the intrinsic of a tile in `LANES` lanes, which are added in pairs, the first with the one half of all on.

    It takes `Arguments` as integers; `bounds` is room for the lanes' results, and `first` and `step` mean nothing. The
    numbers of a lane follow each other; lanes that come first have one more where they are not equal.
    """

    def tile(  # type: ignore[no-untyped-def]  # the arguments are numba's
        _typing, _numbers, _starts, _offsets, _weights, _bounds, _initial, _first, _length, _step, _out, _apart
    ):
        def build(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            given = Arguments(*values)
            _each_lane(builder, kind, by_column, given, _row_starts(builder, given, height))
            for row in range(height):
                parts = [_room(builder, given, SIZE(lane), height, row) for lane in range(LANES)]
                end = at(builder, given.out, builder.mul(given.apart, SIZE(row)), FLOATS)
                builder.store(_in_pairs(builder, plus, parts), end, align=4)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 11), build

    return intrinsic(tile)


def _room(b: Any, given: Arguments, lane: Any, height: int, row: int) -> Any:
    """Return where a lane's results for a row lie."""
    place = b.add(b.mul(lane, SIZE(height)), SIZE(row))
    return at(b, given.bounds, b.mul(place, SIZE(COLUMNS)), FLOATS)


def _each_lane(b: Any, kind: Kind, by_column: bool, given: Arguments, starts: Sequence[Any]) -> None:
    """Emit the loop over the lanes, which writes their results to their room; only the first starts from `initial`."""
    each, more = b.sdiv(given.length, SIZE(LANES)), b.srem(given.length, SIZE(LANES))
    initial, before = b.load(at(b, given.initial, SIZE(0), kind.sums), align=4), b.block
    loop, done = b.append_basic_block("lane"), b.append_basic_block("lanes")
    b.branch(loop)
    b.position_at_end(loop)
    lane, first, start = b.phi(SIZE), b.phi(SIZE), b.phi(kind.sums)
    last = b.add(b.add(first, each), b.zext(b.icmp_signed("<", lane, more), SIZE))
    part = replace(given, first=first, length=last, step=SIZE(1))
    for row, sums in enumerate(_loop(b, kind, by_column, part, starts, start)):
        b.store(kind.finish(b, sums), _room(b, given, lane, len(starts), row), align=4)
    following = b.add(lane, SIZE(1))
    nothing = ir.Constant(kind.sums, None)
    for phi, now, then in ((lane, SIZE(0), following), (first, SIZE(0), last), (start, initial, nothing)):
        phi.add_incoming(now, before)
        phi.add_incoming(then, b.block)
    b.cbranch(b.icmp_signed("<", following, SIZE(LANES)), loop, done)
    b.position_at_end(done)


def _in_pairs(b: Any, plus: Plus, parts: Sequence[Any]) -> Any:
    """Return the sum of the results at these addresses."""
    if len(parts) == 1:
        return b.load(parts[0], align=4)
    # The first lane meets the one half of all away, then the one a quarter away: those of even number, then the others.
    return plus(b, _in_pairs(b, plus, parts[::2]), _in_pairs(b, plus, parts[1::2]))


def tiles_of(tile: Callable[[int, bool], Any]) -> tuple[Any, Any, Any, Any]:
    """Return four intrinsics: `ROWS` rows, one row, and both by column."""
    return tile(ROWS, False), tile(1, False), tile(ROWS, True), tile(1, True)

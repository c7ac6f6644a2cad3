"""Depthwise convolutions in fp32 of values whose channels lie side by side."""

from __future__ import annotations

from numba import carray  # type: ignore[attr-defined]

from mlparity.engine.numerics.kernels.compiled import compiled, task_body
from mlparity.engine.numerics.kernels.fp32_tile import BYTES, taps_tile
from mlparity.engine.numerics.kernels.team import Task, pieces_of, record
from mlparity.engine.numerics.lines import COLUMNS

JOB = record(
    *("x", "height", "width", "channels", "out", "out_height", "out_width"),
    *("weights", "taps_high", "taps_wide", "stride_y", "stride_x", "dilation_y", "dilation_x", "top", "left"),
    *("bias", "limits", "rounds"),
)
"""Addresses of fp32 numbers: x (n, height, width, channels), out (n, out_height, out_width, channels), whose rows
are the pieces; weights (blocks of sixteen channels, taps, 16) and bias (blocks, 16).

There are at least sixteen channels; the last block is of the last sixteen. `top` and `left` are the padding there.
"""

_eight, _four, _one = taps_tile(8, True), taps_tile(4, True), taps_tile(1, True)
_four_blocks = taps_tile(4, False)


@compiled
def _taps(start, dilation, taps, size):
    """Return the first tap that is inside of `size` numbers, and how many are from there on."""
    first = max(0, -(start // dilation))
    return first, max(0, min(taps, -((start - size) // dilation)) - first)


@compiled
def _inside(job, x, high, y_step, weights, out, bias, first, last):
    """Write sixteen channels of a row's positions from `first` to `last`, all of whose columns of taps are inside."""
    pixel, wide, limits, rounds = 4 * job.channels, job.taps_wide, job.limits, job.rounds
    tap, x_step, row = pixel * job.dilation_x, pixel * job.stride_x, BYTES * wide
    size = 8 if last - first >= 8 else 4 if last - first >= 4 else 1
    for position in range(first, last, size):
        at = min(position, last - size)  # some positions twice rather than another size
        source, end = x + pixel * (at * job.stride_x - job.left), out + pixel * at
        if size == 8:
            _eight(source, x_step, high, wide, y_step, tap, weights, row, 0, end, pixel, bias, limits, rounds)
        elif size == 4:
            _four(source, x_step, high, wide, y_step, tap, weights, row, 0, end, pixel, bias, limits, rounds)
        else:
            _one(source, x_step, high, wide, y_step, tap, weights, row, 0, end, pixel, bias, limits, rounds)


@compiled
def _edge(job, x, high, y_step, weights, out, bias, position):
    """Write all channels of one position of a row, some of whose columns of taps may be outside."""
    start, pixel, limits, rounds = position * job.stride_x - job.left, 4 * job.channels, job.limits, job.rounds
    first, wide = _taps(start, job.dilation_x, job.taps_wide, job.width)
    tap, row, apart = pixel * job.dilation_x, BYTES * job.taps_wide, BYTES * job.taps_high * job.taps_wide
    source, target, weights = (
        x + pixel * (start + first * job.dilation_x),
        out + pixel * position,
        weights + BYTES * first,
    )
    whole, block = job.channels // COLUMNS, 0
    while block * COLUMNS < job.channels:
        channel = 4 * min(block * COLUMNS, job.channels - COLUMNS)
        seen, taps, end, offset = source + channel, weights + block * apart, target + channel, bias + block * BYTES
        if block + 4 <= whole:
            _four_blocks(seen, BYTES, high, wide, y_step, tap, taps, row, apart, end, BYTES, offset, limits, rounds)
            block += 4
        else:
            _one(seen, BYTES, high, wide, y_step, tap, taps, row, 0, end, BYTES, offset, limits, rounds)
            block += 1


@compiled
def _row(job, number):
    image, y = number // job.out_height, number % job.out_height
    start, line = y * job.stride_y - job.top, 4 * job.channels * job.width
    first, high = _taps(start, job.dilation_y, job.taps_high, job.height)
    x, y_step = job.x + line * (image * job.height + start + first * job.dilation_y), line * job.dilation_y
    out, weights = job.out + 4 * job.channels * job.out_width * number, job.weights + BYTES * first * job.taps_wide
    spare = job.width - (job.taps_wide - 1) * job.dilation_x + job.left
    inner = min(job.out_width, -(-job.left // job.stride_x))
    outer = max(inner, min(job.out_width, -(-spare // job.stride_x)))
    for block in range(-(-job.channels // COLUMNS) if inner < outer else 0):
        channel = 4 * min(block * COLUMNS, job.channels - COLUMNS)
        taps = weights + BYTES * block * job.taps_high * job.taps_wide
        _inside(job, x + channel, high, y_step, taps, out + channel, job.bias + BYTES * block, inner, outer)
    for position in range(inner):
        _edge(job, x, high, y_step, weights, out, job.bias, position)
    for position in range(outer, job.out_width):
        _edge(job, x, high, y_step, weights, out, job.bias, position)


@task_body
def _convolve(data):
    """Do a `JOB`: write the convolution of x with one kernel a channel, plus bias, to out; see `fp32_tile.Ends`."""
    job = carray(data, (1,), JOB)[0]
    first, last = pieces_of(job)
    for row in range(first, last):
        _row(job, row)


convolve = Task(_convolve, JOB)

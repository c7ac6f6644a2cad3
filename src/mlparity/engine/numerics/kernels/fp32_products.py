"""Products with a packed matrix in fp32, in parts of `LONGEST` that are added one after the other."""

from __future__ import annotations

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from mlparity.engine.numerics.kernels.compiled import compiled, task_body
from mlparity.engine.numerics.kernels.fp32_tile import BYTES, HEIGHT, WIDTH, one_of, product_tile, put_one, put_sixteen
from mlparity.engine.numerics.kernels.team import Task, pieces_of, record
from mlparity.engine.numerics.lines import COLUMNS

LONGEST = 192
"""Numbers that are summed at one go: with so many the error is that of PyTorch's own kernel (measured on x86, torch
2.13: 1,536 numbers at one go have 2.8 times the error), and what they are multiplied with stays in the first cache."""

ROWS = 256
"""Rows that are gone through before the next columns, so that they stay in the second cache."""

JOB = record(
    *("x", "inner", "x_outer", "x_inner", "x_step", "rows", "length", "weights", "weights_step", "columns"),
    *("out", "out_matrix", "out_step", "bias", "limits", "rounds", "rows_a_piece", "blocks_a_piece"),
)
"""Addresses of fp32 numbers, steps in bytes. `weights` are (blocks of 16 columns, length, 16), `bias` fills the blocks.

Matrix number m of x is `m // inner` outer and `m % inner` inner steps away from the first, and has weights of its own
where `weights_step` is not 0. Pieces go through the rows first, then the blocks, then the matrices.
"""

PACKING = record(
    *("y", "inner", "y_outer", "y_inner", "length_step", "column_step", "length", "columns", "out"),
)
"""Matrices y (length, columns) somewhere in memory, and their blocks one after the other; a piece is a block."""

_tall_wide, _tall_two, _tall = product_tile(HEIGHT, WIDTH), product_tile(HEIGHT, min(WIDTH, 2)), product_tile(HEIGHT, 1)
_wide, _two, _one = product_tile(1, WIDTH), product_tile(1, min(WIDTH, 2)), product_tile(1, 1)


@compiled
def _tile(tall, width, x, x_step, weights, apart, length, out, out_step, more, last, bias, limits, rounds):
    if tall and width == WIDTH:
        _tall_wide(x, x_step, weights, apart, length, out, out_step, more, last, bias, limits, rounds)
    elif tall and width == 2:
        _tall_two(x, x_step, weights, apart, length, out, out_step, more, last, bias, limits, rounds)
    elif tall:
        _tall(x, x_step, weights, apart, length, out, out_step, more, last, bias, limits, rounds)
    elif width == WIDTH:
        _wide(x, x_step, weights, apart, length, out, out_step, more, last, bias, limits, rounds)
    elif width == 2:
        _two(x, x_step, weights, apart, length, out, out_step, more, last, bias, limits, rounds)
    else:
        _one(x, x_step, weights, apart, length, out, out_step, more, last, bias, limits, rounds)


@compiled
def _whole_blocks(job, x, weights, out, first_row, last_row, first, last):
    """Write blocks `first` to `last`, whose sixteen columns are all there, of the rows."""
    apart = job.length * BYTES
    for k in range(0, job.length, LONGEST):
        numbers = min(LONGEST, job.length - k)
        block = first
        while block < last:
            width = min(2 if last - block == 4 else 3, WIDTH, last - block)  # four are two and two
            taken, bias = weights + block * apart + k * BYTES, job.bias + block * BYTES
            m = first_row
            while m < last_row:
                tall = m + HEIGHT <= last_row
                seen, end = x + m * job.x_step + 4 * k, out + m * job.out_step + block * BYTES
                _tile(
                    tall, width, seen, job.x_step, taken, apart, numbers, end, job.out_step,
                    k > 0, k + numbers == job.length, bias, job.limits, job.rounds,
                )  # fmt: skip
                m += HEIGHT if tall else 1
            block += width


@compiled
def _last_block(job, x, weights, out, first_row, last_row, block):
    """Write the columns that are there of a block that is not full, of the rows."""
    apart, left = job.length * BYTES, job.columns - block * COLUMNS
    held = np.empty((HEIGHT, COLUMNS), np.float32)
    m = first_row
    while m < last_row:
        tall = m + HEIGHT <= last_row
        for k in range(0, job.length, LONGEST):
            numbers = min(LONGEST, job.length - k)
            _tile(
                tall, 1, x + m * job.x_step + 4 * k, job.x_step, weights + block * apart + k * BYTES, apart,
                numbers, held.ctypes.data, BYTES, k > 0, k + numbers == job.length,
                job.bias + block * BYTES, job.limits, job.rounds,
            )  # fmt: skip
        size = HEIGHT if tall else 1
        for row in range(size):
            start = out + (m + row) * job.out_step + block * BYTES
            for column in range(left):
                put_one(start + 4 * column, held[row, column])
        m += size


@compiled
def _piece(job, piece):
    row_parts, blocks = -(-job.rows // job.rows_a_piece), -(-job.columns // COLUMNS)
    rest, top = piece // row_parts, piece % row_parts * job.rows_a_piece
    block_parts = -(-blocks // job.blocks_a_piece)
    matrix, first = rest // block_parts, rest % block_parts * job.blocks_a_piece
    x = job.x + matrix // job.inner * job.x_outer + matrix % job.inner * job.x_inner
    weights, out = job.weights + matrix * job.weights_step, job.out + matrix * job.out_matrix
    bottom, last = min(job.rows, top + job.rows_a_piece), min(blocks, first + job.blocks_a_piece)
    whole = min(last, job.columns // COLUMNS)
    for m in range(top, bottom, ROWS):
        _whole_blocks(job, x, weights, out, m, min(bottom, m + ROWS), first, whole)
        if whole < last:
            _last_block(job, x, weights, out, m, min(bottom, m + ROWS), whole)


@task_body
def _multiply(data):
    """Do a `JOB`: write rows (rows, length) times weights, plus bias, to out (rows, columns); see `fp32_tile.Ends`."""
    job = carray(data, (1,), JOB)[0]
    first, last = pieces_of(job)
    for piece in range(first, last):
        _piece(job, piece)


@compiled
def _pack_block(job, piece):
    blocks = -(-job.columns // COLUMNS)
    matrix, block = piece // blocks, piece % blocks
    y = job.y + matrix // job.inner * job.y_outer + matrix % job.inner * job.y_inner
    start, out = y + block * COLUMNS * job.column_step, job.out + piece * job.length * BYTES
    there = min(COLUMNS, job.columns - block * COLUMNS)
    if there == COLUMNS and job.column_step == 4:
        for k in range(job.length):
            put_sixteen(out + k * BYTES, start + k * job.length_step)
        return
    for column in range(COLUMNS):
        seen = start + column * job.column_step
        for k in range(job.length):
            number = one_of(seen + k * job.length_step) if column < there else np.float32(0.0)
            put_one(out + k * BYTES + 4 * column, number)


@task_body
def _pack(data):
    """Do a `PACKING`: write matrices as blocks of sixteen columns, the last columns zero where they do not fill one."""
    job = carray(data, (1,), PACKING)[0]
    first, last = pieces_of(job)
    for piece in range(first, last):
        _pack_block(job, piece)


multiply, pack = Task(_multiply, JOB), Task(_pack, PACKING)

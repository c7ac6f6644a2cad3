"""Products with a packed matrix in fp32, in parts of `LONGEST` that are added one after the other."""

from __future__ import annotations

import numpy as np
from numba import carray, cfunc, njit, types  # type: ignore[attr-defined]

from mlparity.engine.numerics.kernels.fp32_tile import BYTES, HEIGHT, WIDTH, product_tile, put_one
from mlparity.engine.numerics.kernels.team import job_type, next_part
from mlparity.engine.numerics.lines import COLUMNS

LONGEST = 192
"""Numbers that are summed at one go: with so many the error is that of PyTorch's own kernel (measured on x86, torch
2.13: 1,536 numbers at one go have 2.8 times the error), and what they are multiplied with stays in the first cache."""

ROWS = 256
"""Rows that are gone through before the next columns, so that they stay in the second cache."""

JOB = job_type(
    *("x", "x_step", "rows", "length", "weights", "columns", "out", "out_step"),
    *("bias", "limits", "rounds", "rows_a_part", "blocks_a_part"),
)
"""Addresses of fp32 numbers, steps in bytes. `weights` are (blocks of 16 columns, length, 16), `bias` fills the blocks.

Parts go through the rows first: part number p has rows from `p % row_parts * rows_a_part` on.
"""

_tall_wide, _tall_two, _tall = product_tile(HEIGHT, WIDTH), product_tile(HEIGHT, min(WIDTH, 2)), product_tile(HEIGHT, 1)
_wide, _two, _one = product_tile(1, WIDTH), product_tile(1, min(WIDTH, 2)), product_tile(1, 1)


@njit(nogil=True, cache=True)
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


@njit(nogil=True, cache=True)
def _whole_blocks(job, first_row, last_row, first, last):
    """Write blocks `first` to `last`, whose sixteen columns are all there, of the rows."""
    apart = job.length * BYTES
    for k in range(0, job.length, LONGEST):
        numbers = min(LONGEST, job.length - k)
        block = first
        while block < last:
            width = min(WIDTH, last - block)
            weights, bias = job.weights + block * apart + k * BYTES, job.bias + block * BYTES
            m = first_row
            while m < last_row:
                tall = m + HEIGHT <= last_row
                x, out = job.x + m * job.x_step + 4 * k, job.out + m * job.out_step + block * BYTES
                _tile(
                    tall, width, x, job.x_step, weights, apart, numbers, out, job.out_step,
                    k > 0, k + numbers == job.length, bias, job.limits, job.rounds,
                )  # fmt: skip
                m += HEIGHT if tall else 1
            block += width


@njit(nogil=True, cache=True)
def _last_block(job, first_row, last_row, block):
    """Write the columns that are there of a block that is not full, of the rows."""
    apart, left = job.length * BYTES, job.columns - block * COLUMNS
    held = np.empty((HEIGHT, COLUMNS), np.float32)
    m = first_row
    while m < last_row:
        tall = m + HEIGHT <= last_row
        for k in range(0, job.length, LONGEST):
            numbers = min(LONGEST, job.length - k)
            _tile(
                tall, 1, job.x + m * job.x_step + 4 * k, job.x_step, job.weights + block * apart + k * BYTES, apart,
                numbers, held.ctypes.data, BYTES, k > 0, k + numbers == job.length,
                job.bias + block * BYTES, job.limits, job.rounds,
            )  # fmt: skip
        size = HEIGHT if tall else 1
        for row in range(size):
            start = job.out + (m + row) * job.out_step + block * BYTES
            for column in range(left):
                put_one(start + 4 * column, held[row, column])
        m += size


@njit(nogil=True, cache=True)
def _part(job, part):
    row_parts = -(-job.rows // job.rows_a_part)
    top, first = part % row_parts * job.rows_a_part, part // row_parts * job.blocks_a_part
    bottom, last = min(job.rows, top + job.rows_a_part), min(-(-job.columns // COLUMNS), first + job.blocks_a_part)
    whole = min(last, job.columns // COLUMNS)
    for m in range(top, bottom, ROWS):
        _whole_blocks(job, m, min(bottom, m + ROWS), first, whole)
        if whole < last:
            _last_block(job, m, min(bottom, m + ROWS), whole)


@cfunc(types.void(types.voidptr), cache=True)
def multiply(data):
    """Do a `JOB`: write rows (rows, length) times weights, plus bias, to out (rows, columns); see `fp32_tile.Ends`."""
    job = carray(data, (1,), JOB)[0]
    part = next_part(data)
    while part < job.parts:
        _part(job, part)
        part = next_part(data)

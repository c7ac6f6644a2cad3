"""Rounding of whole arrays in one pass."""

from __future__ import annotations

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from mlparity.engine.numerics.kernels.bits import nearest_fp16
from mlparity.engine.numerics.kernels.compiled import compiled, task_body
from mlparity.engine.numerics.kernels.fp32_tile import BYTES, one_of, put_one, round_sixteen
from mlparity.engine.numerics.kernels.team import Task, pieces_of, record
from mlparity.engine.numerics.lines import COLUMNS

JOB = record("x", "count")
"""The address of so many fp32 numbers; a piece is sixteen of them."""


@compiled
def half_away(x, out, start, end):
    """Write the elements of x from `start` to `end`, rounded to fp16's numbers half away from zero, to out.

    The parts are cut first: an index that may be negative, as numba sees it, keeps a loop from becoming vector code.
    """
    source, target = x[start:end], out[start:end]
    for i in range(source.shape[0]):
        target[i] = nearest_fp16(source[i])


@compiled
def _half_even_part(x, count):
    whole = count // COLUMNS
    for block in range(whole):
        round_sixteen(x + BYTES * block)
    rest, held = x + BYTES * whole, np.zeros(COLUMNS, np.float32)
    for index in range(count - COLUMNS * whole):
        held[index] = one_of(rest + 4 * index)
    round_sixteen(held.ctypes.data)
    for index in range(count - COLUMNS * whole):
        put_one(rest + 4 * index, held[index])


@task_body
def _half_even(data):
    job = carray(data, (1,), JOB)[0]
    first, last = pieces_of(job)
    start = first * COLUMNS
    _half_even_part(job.x + 4 * start, min(last * COLUMNS, job.count) - start)


half_even = Task(_half_even, JOB)
"""Round the numbers of a job where they are, to nearest, halves to even; beyond 65504 to infinity."""

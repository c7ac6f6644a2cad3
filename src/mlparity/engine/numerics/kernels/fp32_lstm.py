"""An LSTM's steps in fp32: threads share the hidden units, and wait for each other after each step."""

from __future__ import annotations

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from mlparity.engine.numerics.kernels.compiled import compiled, task_body
from mlparity.engine.numerics.kernels.fp32_gates import lstm_step
from mlparity.engine.numerics.kernels.fp32_products import LONGEST
from mlparity.engine.numerics.kernels.fp32_tile import BYTES, product_tile
from mlparity.engine.numerics.kernels.team import Task, meet, number_and_size, pieces_of, record
from mlparity.engine.numerics.lines import COLUMNS

GATES = 4

JOB = record(
    *("steps", "samples", "units", "weights", "added", "hidden", "cell", "rounds"),
)
"""Pieces are groups of sixteen hidden units. Addresses of fp32 numbers: `weights` (groups, 4 gates, units, 16), `added`
(steps, samples, groups, 4 gates, 16), `hidden` (steps + 1, samples, groups, 16), the first step the initial one, and
`cell` (samples, groups, 16). The gates are input, forget, output and cell.
"""

_gates = product_tile(1, GATES)


@compiled
def _units(job, step, sample, group, sums):
    """Do one step of sixteen units of a sample; sums (4, 16) is room for the gates."""
    width = job.pieces * COLUMNS * 4
    index = step * job.samples + sample
    before, after = job.hidden + index * width, job.hidden + (index + job.samples) * width
    weights, apart = job.weights + group * GATES * job.units * BYTES, job.units * BYTES
    for k in range(0, job.units, LONGEST):
        numbers = min(LONGEST, job.units - k)
        _gates(before + 4 * k, 0, weights + k * BYTES, apart, numbers, sums, 0, k > 0, 0, 0, 0, 0)
    added = job.added + (index * job.pieces + group) * GATES * BYTES
    lstm_step(sums, added, job.cell + sample * width + group * BYTES, after + group * BYTES, job.rounds)


@task_body
def _run(data):
    job = carray(data, (1,), JOB)[0]
    first, last = pieces_of(job)
    _, size = number_and_size(job)
    sums = np.empty((GATES, COLUMNS), np.float32)
    for step in range(job.steps):
        for group in range(first, last):
            for sample in range(job.samples):
                _units(job, step, sample, group, sums.ctypes.data)
        if size > 1:
            meet(data, job, size * (step + 1))


run = Task(_run, JOB, in_step=True)

"""Products of matrices by our own kernels: rows somewhere in memory times blocks of sixteen columns.

Sums are in fp32, in parts of 192 numbers that are added one after the other (see `kernels.fp32_products`).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mlparity.engine.numerics.lines import COLUMNS

LEAST_PRODUCTS = 2**19
"""Multiplications from which a second thread gains more than it costs (measured on x86, 2 cores)."""


class Blocks(NamedTuple):
    """Matrices (length, columns) as (matrices, blocks of sixteen columns, length, 16).

    There is one for all rows, or one for each matrix of rows; `bias` has an offset for each column of the blocks.
    """

    numbers: Tensor
    bias: Tensor
    columns: int


class Rows(NamedTuple):
    """Matrices of rows somewhere in memory: `matrices` of them, `inner` side by side, and the steps in numbers.

    The numbers of a row lie side by side.
    """

    address: int
    height: int
    matrices: int = 1
    inner: int = 1
    steps: tuple[int, int] = (0, 0)


def multiply(rows: Rows, step: int, blocks: Blocks, limits: Tensor, rounds: bool, out: Tensor) -> None:
    """Write rows that are `step` numbers apart times `blocks` to `out`, (matrices, rows, columns) in memory.

    See `packed.Follows` for `limits` and `rounds`. The caller sees to it that sizes fit and that all are fp32: nothing
    is checked here.
    """
    numbers, columns = blocks.numbers, blocks.columns
    count, length = numbers.shape[1], numbers.shape[2]
    tall, wide = _shares(rows.matrices, rows.height, length, columns)
    pieces = rows.matrices * -(-rows.height // tall) * -(-count // wide)
    far, near = rows.steps
    apart = 0 if numbers.shape[0] == 1 else 4 * count * length * COLUMNS
    _kernels().multiply(
        *(torch.get_num_threads(), pieces, rows.address, rows.inner, 4 * far, 4 * near, 4 * step, rows.height, length),
        *(numbers.data_ptr(), apart, columns, out.data_ptr(), 4 * rows.height * columns, 4 * columns),
        *(blocks.bias.data_ptr(), limits.data_ptr(), rounds, tall, wide),
    )


def blocks_of(y: Tensor) -> Blocks:
    """Return y (outer, inner, length, columns) in fp32, wherever its numbers are, as blocks without offsets."""
    outer, inner, length, columns = y.shape
    count, matrices = -(-columns // COLUMNS), outer * inner
    out = torch.empty((matrices, count, length, COLUMNS), dtype=torch.float32)
    steps = [4 * step for step in y.stride()]
    threads, pieces = torch.get_num_threads(), matrices * count
    _kernels().pack(threads, pieces, y.data_ptr(), inner, *steps, length, columns, out.data_ptr())
    return Blocks(out, torch.zeros(count * COLUMNS), columns)


def _shares(matrices: int, rows: int, length: int, columns: int) -> tuple[int, int]:
    """Return how many rows and blocks a piece has, all of them whole tiles, so that threads have as many pieces each.

    Rows are cut where values are more than weights: then a thread finds in its cache what it wrote before.
    """
    blocks, threads = -(-columns // COLUMNS), torch.get_num_threads()
    if threads < 2 or matrices >= 4 * threads or matrices * rows * columns * length < LEAST_PRODUCTS:
        return max(rows, 1), blocks
    shares, tiles = threads // math.gcd(threads, matrices), -(-rows // _kernels().HEIGHT)
    if tiles >= shares and rows * (length + columns) > length * columns:
        return -(-tiles // shares) * _kernels().HEIGHT, blocks
    return rows, -(-blocks // (shares * _kernels().WIDTH)) * _kernels().WIDTH


@cache
def _kernels() -> Any:
    """Return the compiled kernels; loaded late, for loading a model needs none of them."""
    from mlparity.engine.numerics.kernels import fp32_products

    return fp32_products

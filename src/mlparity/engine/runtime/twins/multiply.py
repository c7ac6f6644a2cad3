"""Products of matrices by our own kernels: rows somewhere in memory times blocks of sixteen columns.

Sums are in fp32, in parts of 192 numbers that are added one after the other (see `kernels.fp32_products`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from mlparity.engine.numerics.lines import COLUMNS

LEAST_PRODUCTS = 2**19
"""Multiplications from which a second thread gains more than it costs (measured on x86, 2 cores)."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Matrices (length, columns) as (matrices, blocks of sixteen columns, length, 16).

    There is one for all rows, or one for each matrix of rows; `bias` has an offset for each column of the blocks.
    """

    numbers: Tensor
    bias: Tensor
    columns: int


def times(x: Tensor, blocks: Blocks, limits: Tensor, rounds: bool) -> Tensor:
    """Return x (outer, inner, rows, length) in fp32 times `blocks`, in new memory: (outer, inner, rows, columns).

    The numbers of a row lie side by side, rows may be anywhere. See `packed.Follows` for `limits` and `rounds`. The
    caller sees to it that lengths and matrices fit together: nothing is checked here.
    """
    outer, inner, rows, length = x.shape
    columns, numbers = blocks.columns, blocks.numbers
    out = torch.empty((outer, inner, rows, columns), dtype=torch.float32)
    matrices, count, (far, near, step, _) = outer * inner, numbers.shape[1], x.stride()
    tall, wide = _shares(matrices, rows, length, columns)
    _kernels().multiply(
        *(matrices * -(-rows // tall) * -(-count // wide), x.data_ptr(), inner, 4 * far, 4 * near, 4 * step, rows),
        *(length, numbers.data_ptr(), 0 if numbers.shape[0] == 1 else 4 * numbers.stride(0), columns),
        *(out.data_ptr(), 4 * rows * columns, 4 * columns, blocks.bias.data_ptr(), limits.data_ptr(), rounds),
        *(tall, wide),
    )
    return out


def blocks_of(y: Tensor) -> Blocks:
    """Return y (outer, inner, length, columns) in fp32, wherever its numbers are, as blocks without offsets."""
    outer, inner, length, columns = y.shape
    count, matrices = -(-columns // COLUMNS), outer * inner
    out = torch.empty((matrices, count, length, COLUMNS), dtype=torch.float32)
    steps = [4 * step for step in y.stride()]
    _kernels().pack(matrices * count, y.data_ptr(), inner, *steps, length, columns, out.data_ptr())
    return Blocks(out, torch.zeros(count * COLUMNS), columns)


def _shares(matrices: int, rows: int, length: int, columns: int) -> tuple[int, int]:
    """Return how many rows and blocks a part has, all of them whole tiles, so that threads have as many parts each.

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

"""A product with a constant matrix by our own kernel, packed as it is first used, with what follows its sums."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlparity.engine.numerics.lines import COLUMNS
from mlparity.engine.runtime.packed import Follows, PackedOnce, Scratch

LEAST_PRODUCTS = 2**19
"""Multiplications from which a second thread gains more than it costs (measured on x86, 2 cores)."""

PARTS_A_THREAD = 2
"""Parts for each thread, so that one that is late leaves work to the others."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedMatrix:
    """The transpose of a matrix of `length` columns as blocks of sixteen, and an offset for each of its rows.

    Sums are in fp32, in parts of 192 numbers (see `kernels.fp32_products`).
    """

    weights: PackedOnce
    bias: Tensor
    columns: int
    length: int
    follows: Follows = field(default_factory=Follows)
    limits: Tensor = field(default_factory=lambda: Follows().tensor())

    def followed_by(self, follows: Follows) -> PackedMatrix:
        """Return the same matrix with something else after its sums."""
        return replace(self, follows=follows, limits=follows.tensor())

    def times(self, x: Tensor) -> Tensor:
        """Return x (*d, length) in fp32 times the transpose of the matrix, plus the offsets: (*d, columns), new memory.

        Raises:
            ValueError: `x` has another width or type.
        """
        if x.shape[-1:] != (self.length,) or x.dtype is not torch.float32:
            raise ValueError(f"x is {x.dtype} {list(x.shape)}, the weights take {self.length} columns of fp32")
        multiply, run, kind, height, width = _kernel()
        seen, weights = x.contiguous(), self.weights()
        out = torch.empty((*x.shape[:-1], self.columns), dtype=torch.float32)
        rows = out.numel() // self.columns
        tall, wide = self._shares(rows, height, width)
        numbers = (
            *(0, -(-rows // tall) * -(-weights.shape[0] // wide) if rows else 0),
            *(seen.data_ptr(), 4 * self.length, rows, self.length, weights.data_ptr(), self.columns),
            *(out.data_ptr(), 4 * self.columns, self.bias.data_ptr(), self.limits.data_ptr(), self.follows.rounds),
            *(tall, wide),
        )
        run(multiply, np.array(numbers, kind))
        return out

    def _shares(self, rows: int, height: int, width: int) -> tuple[int, int]:
        """Return how many rows and blocks a part has: the longer side is cut, so that the shorter is read more often.

        Only whole tiles are cut off, of `height` rows and `width` blocks.
        """
        blocks = -(-self.columns // COLUMNS)
        threads = torch.get_num_threads()
        if threads < 2 or rows * self.columns * self.length < LEAST_PRODUCTS:
            return max(rows, 1), blocks
        parts, tiles = threads * PARTS_A_THREAD, -(-rows // height)
        if tiles < threads or (rows <= self.columns and blocks >= threads * width):
            return rows, -(-blocks // (parts * width)) * width
        return -(-tiles // parts) * height, blocks


def packed_matrix(weight: Tensor, bias: Tensor | None, scratch: Scratch) -> PackedMatrix:
    """Return a matrix (columns, length), neither of them 0, to be packed, with the offsets `bias` (columns)."""
    columns, length = weight.shape
    offsets = torch.zeros(-(-columns // COLUMNS) * COLUMNS)
    if bias is not None:
        offsets[:columns] = bias
    return PackedMatrix(PackedOnce(in_blocks, (weight, scratch)), offsets, columns, length)


def in_blocks(wide: Tensor) -> Tensor:
    """Return a matrix (N, K) as (blocks, K, 16), the last columns zero where N does not fill them."""
    blocks = -(-wide.shape[0] // COLUMNS)
    result = torch.empty(blocks, wide.shape[1], COLUMNS)
    whole = wide.shape[0] // COLUMNS
    result[:whole].copy_(wide[: whole * COLUMNS].view(whole, COLUMNS, wide.shape[1]).mT)
    if whole < blocks:
        result[whole].zero_()[:, : wide.shape[0] - whole * COLUMNS].copy_(wide[whole * COLUMNS :].T)
    return result


@cache
def _kernel() -> tuple[Any, ...]:
    """Return what runs a product; loaded late, for loading a model needs none of it."""
    from mlparity.engine.numerics.kernels import fp32_products, fp32_tile, team

    return fp32_products.multiply, team.run, fp32_products.JOB, fp32_tile.HEIGHT, fp32_tile.WIDTH

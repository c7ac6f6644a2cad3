"""A product with a constant matrix that is packed as it is first used, with what follows its sums."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mlparity.engine.numerics.lines import COLUMNS
from mlparity.engine.runtime.optimised.multiply import Blocks, Rows, multiply
from mlparity.engine.runtime.optimised.packed import Follows, PackedOnce, Scratch


@dataclass(frozen=True, slots=True, eq=False)
class PackedMatrix:
    """The transpose of a matrix of `length` columns as blocks of sixteen, and an offset for each of its rows."""

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
        out = torch.empty((*x.shape[:-1], self.columns), dtype=torch.float32)
        self.fill(out, x.contiguous())
        return out

    def fill(self, out: Tensor, x: Tensor) -> None:
        """Write rows in fp32, whose numbers lie side by side as the rows do, times the matrix to `out`, as `times`.

        Both have as many rows, in memory; the caller sees to it.
        """
        rows = Rows(x.data_ptr(), x.numel() // self.length)
        blocks = Blocks(self.weights(), self.bias, self.columns)
        multiply(rows, self.length, blocks, self.limits, self.follows.rounds, out)


def packed_matrix(weight: Tensor, bias: Tensor | None, scratch: Scratch) -> PackedMatrix:
    """Return a matrix (columns, length), neither of them 0, to be packed, with the offsets `bias` (columns)."""
    columns, length = weight.shape
    offsets = torch.zeros(-(-columns // COLUMNS) * COLUMNS)
    if bias is not None:
        offsets[:columns] = bias
    return PackedMatrix(PackedOnce(in_blocks, (weight, scratch)), offsets, columns, length)


def in_blocks(wide: Tensor) -> Tensor:
    """Return a matrix (N, K) as (1, blocks, K, 16), the last columns zero where N does not fill them."""
    from mlparity.engine.numerics.kernels import blocks

    return torch.from_numpy(blocks.in_blocks(wide.numpy())[None])

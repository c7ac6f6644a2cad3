"""`linear` as a product with a packed matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from mlparity.engine.runtime.optimised.matrix import PackedMatrix, packed_matrix
from mlparity.engine.runtime.optimised.packed import Follows, Weights
from mlparity.engine.runtime.plan import Step

LEAST_PRODUCTS = 2**18
"""Multiplications below which PyTorch's own call is over sooner: 2 microseconds where ours takes 5 (measured on x86,
torch 2.13)."""


@dataclass(frozen=True, slots=True)
class PackedLinear:
    """A product with a packed matrix."""

    matrix: PackedMatrix
    can_round: bool = True
    reads: tuple[str, ...] = ("x",)

    def followed_by(self, follows: Follows) -> PackedLinear:
        """Return the same product with something else after its sums."""
        return PackedLinear(self.matrix.followed_by(follows))

    def __call__(self, x: Tensor) -> Tensor:
        """Return `x`, (*d, length), times the transpose of the matrix, plus the bias.

        Raises:
            ValueError: `x` has another width or type.
        """
        return self.matrix.times(x)


def packed_linear(step: Step, weights: Weights) -> PackedLinear | None:
    """Return the optimised step of a product with a constant matrix; None where it has none, or would not pay."""
    fed, size = weights.fed(step), weights.size(step)
    if fed is None or fed[0].ndim != 2 or fed[0].numel() == 0:
        return None
    weight, bias = fed
    if size is not None and math.prod(size[:-1]) * weight.numel() < LEAST_PRODUCTS:
        return None
    if bias is not None and bias.shape != weight.shape[:1]:
        return None
    return PackedLinear(packed_matrix(weight, bias, weights.scratch))

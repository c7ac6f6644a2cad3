"""oneDNN's product with a constant matrix, packed for the number of rows as it is first used, and its activation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mlparity.engine.mil.program import TensorType, ValueType
from mlparity.engine.runtime.packed import NO_ACTIVATION, PackedOnce, Twin, Weights, size_of
from mlparity.engine.runtime.plan import Step

LEAST_ROWS = 4
LEAST_PRODUCTS = 2**21
"""From so many rows of the input, and multiplications in all, a packed matrix pays (measured on x86, torch 2.13: with
fewer the call itself, about 11 microseconds dearer than PyTorch's own, costs more than the kernel saves)."""


@dataclass(frozen=True, slots=True, eq=False)
class PackedLinear:
    """A product with a packed matrix of `width` columns."""

    weight: PackedOnce
    bias: Tensor | None
    width: int
    activation: Twin = NO_ACTIVATION

    def followed_by(self, activation: Twin) -> PackedLinear:
        """Return the same product with an activation."""
        return replace(self, activation=activation)

    def __call__(self, x: Tensor) -> Tensor:
        """Return `x`, (*d, width), times the transpose of the matrix, plus the bias.

        Raises:
            ValueError: `x` has another width.
        """
        if x.shape[-1:] != (self.width,):
            raise ValueError(f"x has shape {list(x.shape)}, the weights take {self.width} columns")
        name, numbers = self.activation
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight(), self.bias, name, numbers, "")
        return result


def packed_linear(step: Step, weights: Weights, declared: Mapping[int, ValueType]) -> PackedLinear | None:
    """Return the twin of a product with a constant matrix; None where it has none, or would not pay.

    Products typed fp32 are left to PyTorch's own kernel: through MiniLM's six layers the order in which oneDNN sums
    them differs from the source by 2.8e-5 of the scale, three times as much (measured on x86 with torch 2.13).
    """
    result = declared.get(step.stores[0].slot)
    if not isinstance(result, TensorType) or result.dtype != "fp16":
        return None
    size = size_of(step, declared)
    rows = math.prod(size[:-1]) if size is not None else 0
    if rows < LEAST_ROWS:
        return None
    fed = weights.fed(step)
    if fed is None or fed[0].ndim != 2 or rows * fed[0].numel() < LEAST_PRODUCTS:
        return None
    weight, bias = fed
    if bias is not None and bias.shape != weight.shape[:1]:
        return None
    packed = PackedOnce(lambda wide: torch.ops.mkldnn._reorder_linear_weight(wide, rows), (weight, weights.scratch))
    return PackedLinear(packed, bias, weight.shape[1])

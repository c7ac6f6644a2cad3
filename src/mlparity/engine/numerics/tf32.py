"""TF32: fp32 values with a significand of 11 bits, which the matrix units of some GPUs take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.numerics.products import Products

_DROPPED = 13
"""The places of a significand that TF32 does not hold. Source: as `Tf32`."""


def cut_to_tf32(x: Tensor) -> Tensor:
    """Return fp32 values without their last 13 places. No gradient passes through."""
    if x.dtype is not torch.float32:
        return x
    return (x.detach().contiguous().view(torch.int32) & -(1 << _DROPPED)).view(torch.float32)


@dataclass(frozen=True, slots=True)
class Tf32(Products):
    """Matrix products of operands that are cut to TF32, with fp32 sums; convolutions take the operands as they are.

    Source: MLX's products on M5, tests/evidence/gemm_conv_sweep.csv; its convolutions leave the matrix units out.
    """

    plain = False

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return x (*d, in) times the transpose of weight (out, in), plus bias (out)."""
        return F.linear(cut_to_tf32(x), cut_to_tf32(weight), bias)

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the product of the innermost matrices, as torch.matmul."""
        return torch.matmul(cut_to_tf32(x), cut_to_tf32(y))

    def einsum(self, equation: str, values: Sequence[Tensor]) -> Tensor:
        """Return the product that `equation` writes in Einstein's notation."""
        return torch.einsum(equation, *map(cut_to_tf32, values))

    def attention(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Return softmax(query key^T / sqrt(E) + mask) value, both products of cut operands."""
        scores = self.matmul(query, key.transpose(-1, -2)) / query.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype is torch.bool else scores + mask
        return self.matmul(torch.softmax(scores, -1), value)

"""`matmul` of values by our own kernel, where PyTorch would multiply matrix by matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import torch
from torch import Tensor

from mlparity.engine.runtime.optimised.multiply import Rows, blocks_of, multiply
from mlparity.engine.runtime.optimised.packed import Follows, Weights
from mlparity.engine.runtime.plan import Step

READS = ("x", "y")

LEAST_PRODUCTS = 2**22
"""Multiplications from which the own kernel pays, its packing included (measured on x86, torch 2.13)."""


@dataclass(frozen=True, slots=True)
class PackedMatmul:
    """The products of as many matrices on both sides; `plain` does what is not that, and what is too little."""

    plain: Callable[..., Tensor]
    transposes: tuple[bool, bool]
    follows: Follows = field(default_factory=Follows)
    limits: Tensor = field(default_factory=lambda: Follows().tensor())
    can_round: bool = True
    reads: tuple[str, ...] = READS

    def followed_by(self, follows: Follows) -> PackedMatmul:
        """Return the same product with something else after its sums."""
        return replace(self, follows=follows, limits=follows.tensor())

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the product of the innermost matrices, as `matmul` has it, in new memory."""
        left, right = (matrix.mT if turned and matrix.ndim > 1 else matrix for matrix, turned in self._sides(x, y))
        if not _fits(left, right):
            return self.follows.after(self.plain(x, y))
        out = torch.empty((*left.shape[:-1], right.shape[-1]), dtype=torch.float32)
        four = _in_four(left if left.stride(-1) == 1 else left.contiguous())
        (outer, inner, count, _), (far, near, step, _) = four.shape, four.stride()
        rows = Rows(four.data_ptr(), count, outer * inner, inner, (far, near))
        multiply(rows, step, blocks_of(_in_four(right)), self.limits, self.follows.rounds, out)
        return out

    def _sides(self, x: Tensor, y: Tensor) -> tuple[tuple[Tensor, bool], tuple[Tensor, bool]]:
        return (x, self.transposes[0]), (y, self.transposes[1])


def _fits(left: Tensor, right: Tensor) -> bool:
    if left.ndim not in (3, 4) or left.shape[:-2] != right.shape[:-2] or left.shape[-1] != right.shape[-2]:
        return False
    if not left.dtype == right.dtype == torch.float32 or left.device.type != "cpu" or right.device.type != "cpu":
        return False
    return left.numel() * right.shape[-1] >= LEAST_PRODUCTS


def _in_four(x: Tensor) -> Tensor:
    return x if x.ndim == 4 else x.unsqueeze(0)


def packed_matmul(step: Step, weights: Weights) -> PackedMatmul | None:
    """Return the optimised step of a product of values; None where it has none."""
    known = step.constants
    if weights.constants(step, READS) != {} or {feed.parameter for feed in step.feeds} != set(READS):
        return None
    turned = bool(known.get("transpose_x", False)), bool(known.get("transpose_y", False))
    return PackedMatmul(cast("Callable[..., Tensor]", partial(step.fn, **step.arguments)), turned)

"""oneDNN's product with a constant matrix, packed for the number of rows as it is first used, and its activation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from mlparity.engine.mil.program import TensorType, ValueType
from mlparity.engine.runtime.packed import NO_ACTIVATION, PackedOnce, Twin, Weights, size_of
from mlparity.engine.runtime.plan import Step

LEAST_ROWS = 4
LEAST_PRODUCTS = 2**21
"""From so many rows of the input, and multiplications in all, a packed matrix pays (measured on x86, torch 2.13: with
fewer the call itself, about 11 microseconds dearer than PyTorch's own, costs more than the kernel saves)."""


LONGEST_FP32_SUM = 192
"""Numbers that oneDNN may sum at one go where results are typed fp32.

It sums one after the other. In parts of 192 its error is that of PyTorch's own kernel, in parts of 384 or 768 1.4 times
that, and with 1,536 numbers at one go twice that (root mean squares, measured on x86 with torch 2.13). Through the six
layers of MiniLM the longer parts show.
"""


@dataclass(frozen=True, slots=True, eq=False)
class PackedLinear:
    """A product with a packed matrix of `width` columns, in parts of `longest` that are added one after the other."""

    parts: tuple[PackedOnce, ...]
    bias: Tensor | None
    width: int
    longest: int
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
        run, (first, *rest) = torch.ops.mkldnn._linear_pointwise, self.parts
        name, numbers = self.activation
        if not rest:
            whole: Tensor = run(x, first(), self.bias, name, numbers, "")
            return whole
        seen = torch.split(x, self.longest, -1)
        total: Tensor = run(seen[0], first(), self.bias, *NO_ACTIVATION, "")
        for each, part in zip(seen[1:], rest, strict=True):
            total = run.binary(each, total, part(), None, "add")
        return _activated(total, name, numbers)


def _activated(x: Tensor, name: str, numbers: tuple[float, ...]) -> Tensor:
    """Return x in its own memory after an activation by oneDNN's name."""
    if name == "relu":
        return x.relu_()
    return x.clamp_(*numbers) if name == "hardtanh" else x


def packed_linear(step: Step, weights: Weights, declared: Mapping[int, ValueType]) -> PackedLinear | None:
    """Return the twin of a product with a constant matrix; None where it has none, or would not pay."""
    result = declared.get(step.stores[0].slot)
    if not isinstance(result, TensorType) or result.dtype not in ("fp16", "fp32"):
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
    width = weight.shape[1]
    longest = width if result.dtype == "fp16" else LONGEST_FP32_SUM
    parts = tuple(
        PackedOnce(partial(_packed, slice(start, start + longest), rows), (weight, weights.scratch))
        for start in range(0, width, longest)
    )
    return PackedLinear(parts, bias, width, longest)


def _packed(columns: slice, rows: int, wide: Tensor) -> Tensor:
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(wide[:, columns].contiguous(), rows)
    return packed

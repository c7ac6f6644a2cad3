"""Counts how often a run of a source would round in fp32: what bounds the noise that fp32 alone can make."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

_CONVOLUTION = "aten::convolution"


class Roundings:
    """The roundings of one run, added up over its ops: of each op those that one of its results depends on.

    A sum of n products rounds n times. Ops that work element by element round once, a convolution once for each
    weight of an output channel, and others as often as the longest axis of what they read (assumed: an upper bound
    for products of matrices, sums along axes and norms). Ops that only move or view values count as the others do.
    """

    def __init__(self) -> None:
        """Start with none."""
        self.total = 0.0

    def count(self, operator: torch._ops.OpOverload, read: Sequence[Tensor], result: object) -> None:
        """Add the roundings of one op that has read these tensors."""
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        floating = [tensor for tensor in read if tensor.is_floating_point() or tensor.is_complex()]
        if floating and any(tensor.is_floating_point() or tensor.is_complex() for tensor in made):
            self.total += _length(operator, floating)


def _length(operator: torch._ops.OpOverload, read: Sequence[Tensor]) -> int:
    if torch.Tag.pointwise in operator.tags or _is_view(operator):
        return 1
    if operator._schema.name == _CONVOLUTION:
        weight = read[1]
        return max(1, weight.numel() // max(1, min(weight.shape[:2])))
    return max((size for tensor in read for size in tensor.shape), default=1)


def _is_view(operator: torch._ops.OpOverload) -> bool:
    returned = [result.alias_info for result in operator._schema.returns]
    return any(alias is not None and not alias.is_write for alias in returned)

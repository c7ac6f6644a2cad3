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
        made = [each for each in tree_leaves(result) if isinstance(each, Tensor)]
        floating = [each for each in read if each.is_floating_point() or each.is_complex()]
        if floating and any(each.is_floating_point() or each.is_complex() for each in made):
            self.total += _length(operator, floating)


def _length(operator: torch._ops.OpOverload, read: Sequence[Tensor]) -> int:
    if torch.Tag.pointwise in operator.tags or _is_view(operator):
        return 1
    if operator._schema.name == _CONVOLUTION:
        weight = read[1]
        return max(1, weight.numel() // max(1, min(weight.shape[:2])))
    return max((size for each in read for size in each.shape), default=1)


def _is_view(operator: torch._ops.OpOverload) -> bool:
    returned = [each.alias_info for each in operator._schema.returns]
    return any(each is not None and not each.is_write for each in returned)

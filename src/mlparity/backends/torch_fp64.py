"""Keeps a PyTorch run in fp64 where the model's own code names fp32, as in `x.float()` or `torch.zeros(3)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

# Ops whose tensor argument only lends its shape or device to a new tensor.
_MAKES_NEW = re.compile(r"aten::(new_\w+|\w+_like)$")


class Widened(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Changes three things about each op, for a module whose parameters are fp64.

    A cast from fp64 to fp32 stays fp64. Where fp64 meets fp32, fp32 is widened. A tensor that is made from nothing is
    made in fp32 and then widened, so that both runs hold the same constant. What is computed from integers alone stays
    fp32: such values choose buckets and blocks, and have to fall on the same side as in the fp32 run.
    """

    def __torch_dispatch__(
        self,
        func: object,
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Run one op so that nothing of fp64 is lost in it."""
        del types
        operator = cast("torch._ops.OpOverload", func)
        # An exported program asserts the types that it was exported with; the widened ones are meant.
        if operator is torch.ops.aten._assert_tensor_metadata.default:
            return None
        named = dict(kwargs or {})
        tensors = [leaf for leaf in tree_leaves((args, named)) if isinstance(leaf, Tensor)]
        if any(tensor.dtype is torch.float64 for tensor in tensors):
            return _run_wide(operator, args, named)
        result = operator(*args, **named)
        made = not tensors or _MAKES_NEW.search(operator._schema.name)
        return tree_map_only(Tensor, _wide, result) if made else result


def _run_wide(operator: torch._ops.OpOverload, args: Sequence[object], named: dict[str, object]) -> object:
    if named.get("dtype") is torch.float32:
        named["dtype"] = torch.float64
    # What an op writes into has to be the tensor itself, not a wide copy of it.
    kept = 1 if operator._schema.is_mutable else 0
    wide = [*args[:kept], *tree_map_only(Tensor, _wide, list(args[kept:]))]
    kernel: Callable[..., object] = _KERNELS.get(operator, operator)
    return kernel(*wide, **tree_map_only(Tensor, _wide, named))


def _wide(tensor: Tensor) -> Tensor:
    return tensor.to(torch.float64) if tensor.dtype is torch.float32 else tensor


def _grouped_product(left: Tensor, right: Tensor, offs: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    """Multiply each group of rows of `left`, which ends at its entry of `offs`, by its matrix of `right`."""
    if offs is None:
        product = torch.matmul(left, right)
    else:
        ends = offs.tolist()
        groups = zip([0, *ends[:-1]], ends, right, strict=True)
        product = torch.cat([left[start:end] @ matrix for start, end, matrix in groups])
    return product if bias is None else product + bias


_KERNELS: Mapping[object, Callable[..., object]] = {torch.ops.aten._grouped_mm.default: _grouped_product}
"""Ops that PyTorch has no fp64 kernel for. Source: torch 2.13, "Expected mat_a to be Float32, BFloat16 or Float16"."""

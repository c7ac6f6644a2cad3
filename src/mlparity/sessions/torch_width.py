"""Gives a module the floating type that a session runs in."""

from __future__ import annotations

import copy
import warnings

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

_REGISTERED = frozenset({"_parameters", "_buffers", "_modules"})


def in_width(module: nn.Module, width: torch.dtype) -> nn.Module:
    """Return a copy of `module` whose floating tensors have the type `width`, and complex ones the complex type of it.

    That holds of parameters, buffers, and tensors in plain attributes, also in lists and dictionaries. For fp32 a
    module whose parameters and buffers have that type is used as it is.
    """
    tensors = [*module.parameters(), *module.buffers()]
    if width is torch.float32 and all(tensor.dtype is _type_of(tensor, width) for tensor in tensors):
        return module
    # A copy of TorchScript's parameters would be the result of an op, not a leaf, if gradients were recorded.
    with warnings.catch_warnings(), torch.no_grad():
        # torch warns of its own class when it copies an exported program.
        warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated", category=FutureWarning)
        made = copy.deepcopy(module)
        made._apply(lambda each: tensor_in_width(each, width))  # type: ignore[no-untyped-call]
        _cast_attributes(made, width)
    return made


def tensor_in_width(tensor: Tensor, width: torch.dtype) -> Tensor:
    """Return a tensor in the floating type `width`, or the complex type of it; integers and bools stay as they are."""
    return tensor.to(_type_of(tensor, width))


def _type_of(tensor: Tensor, width: torch.dtype) -> torch.dtype:
    if tensor.is_complex():
        return width.to_complex()
    return width if tensor.is_floating_point() else tensor.dtype


def _cast_attributes(module: nn.Module, width: torch.dtype) -> None:
    for part in module.modules():
        for name, value in list(vars(part).items()):
            held = [] if name in _REGISTERED else [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
            if any(tensor.dtype is not _type_of(tensor, width) for tensor in held):
                vars(part)[name] = tree_map_only(Tensor, lambda each: tensor_in_width(each, width), value)

"""Hands the lowerings to coremltools, each only where nobody else has registered the op."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coremltools.converters.mil.frontend.torch.torch_op_registry import _TORCH_OPS_REGISTRY, register_torch_op

from mlparity.targets.coreml.lowerings import (  # noqa: F401 - each family enters its lowerings when it is imported
    activation,
    arithmetic,
    comparison,
    contraction,
    convolution,
    creation,
    diagonals,
    differences,
    experts,
    fourier,
    indexing,
    maxima,
    ordering,
    padding,
    pooling,
    resizing,
    slicing,
    splitting,
    statistics,
    triangles,
)
from mlparity.targets.coreml.lowerings.call import LOWERINGS, Lowering

ALIASES = {
    "absolute": "abs",
    "arccos": "acos",
    "arcsin": "asin",
    "arctan": "atan",
    "arctan2": "atan2",
    "concatenate": "cat",
    "divide": "div",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "multiply": "mul",
    "negative": "neg",
    "not_equal": "ne",
    "special_expit": "sigmoid",
    "special_erf": "erf",
    "special_exp2": "exp2",
    "special_softmax": "softmax",
    "subtract": "sub",
    "swapaxes": "transpose",
    "swapdims": "transpose",
}
"""PyTorch's second names for ops that coremltools knows by the first.

Source: https://github.com/pytorch/pytorch/blob/main/torch/csrc/jit/passes/normalize_ops.cpp
"""


def register() -> None:
    """Register every lowering that is lacking; a second call, and ops that a user has registered, change nothing."""
    for lowering in LOWERINGS:
        for name in lowering.names:
            if _is_free(name, lowering.replaces):
                _register(name, lowering, lowering.replaces)
    for name, known in ALIASES.items():
        if _is_free(name, replaces=False):
            _register(name, _TORCH_OPS_REGISTRY.get_func(known), override=False)


def _is_free(name: str, replaces: bool) -> bool:
    present = _TORCH_OPS_REGISTRY.get_func(name)
    if present is None:
        return True
    return replaces and getattr(present, "__module__", "").startswith("coremltools.")


def _register(name: str, lower: Lowering | Callable[[Any, Any], None], override: bool) -> None:
    def registered(context: Any, node: Any) -> None:
        lower(context, node)

    registered.__name__ = name  # the name under which coremltools registers a function
    register_torch_op(registered, override=override)

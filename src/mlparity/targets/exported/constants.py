"""Computes what an exported program derives from no input, with PyTorch itself."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from mlparity.targets.exported.graph import Values, add_constant, held_values

_FOLDED_ELEMENTS = 1 << 20
"""A result of more elements is left to the graph, unless it is no larger than what it is made from: a mask of
4096 x 4096 would cost the file more than its computation costs the model. Assumed; no measurement stands behind it."""


def fold_constants(program: ExportedProgram) -> None:
    """Replace nodes that depend on no input by their values.

    Positions, masks of a fixed size and interpolated position tables vanish, and with them ops that few converters
    know. The values are those that the source computes.
    """
    module = program.graph_module
    values = held_values(program)
    for node in module.graph.nodes:
        if _is_pure(node) and all(source in values for source in node.all_input_nodes):
            made_from = [values[source] for source in node.all_input_nodes]
            value = _computed(node, values)
            if _is_worth_keeping(value, made_from):
                values[node] = value
    for node in list(module.graph.nodes):
        value = values.get(node)
        if node.op == "call_function" and isinstance(value, Tensor) and _ends_here(node, values):
            _replace(program, node, value)
    module.graph.eliminate_dead_code()
    module.recompile()


def _is_pure(node: fx.Node) -> bool:
    """Tell whether a node always gives the same result for the same tensors, whatever the size of an input."""
    if node.op != "call_function":
        return False
    if node.target is operator.getitem:
        return True
    target = node.target
    return (
        isinstance(target, torch._ops.OpOverload)
        and not target._schema.is_mutable
        and torch.Tag.nondeterministic_seeded not in target.tags
        and not node.is_impure()
        and not any(isinstance(leaf, torch.SymInt) for leaf in pytree.tree_leaves((node.args, node.kwargs)))
    )


def _computed(node: fx.Node, values: Mapping[fx.Node, object]) -> object:
    args, kwargs = fx.map_arg(cast("Any", (node.args, node.kwargs)), lambda source: cast("Any", values[source]))
    with torch.no_grad():
        return cast("Callable[..., object]", node.target)(*args, **kwargs)


def _is_worth_keeping(value: object, made_from: list[object]) -> bool:
    total = sum(value.numel() for value in made_from if isinstance(value, Tensor))
    return not isinstance(value, Tensor) or value.numel() <= max(_FOLDED_ELEMENTS, total)


def _ends_here(node: fx.Node, values: Values) -> bool:
    """Tell whether something uses a constant that is none itself. The graph's output must stay an op's result."""
    return any(user not in values and user.op != "output" for user in node.users)


def _replace(program: ExportedProgram, node: fx.Node, value: Tensor) -> None:
    with program.graph_module.graph.inserting_before(node):
        constant = add_constant(program, "_folded", value.clone(), node.meta)
    node.replace_all_uses_with(constant, lambda user: user.op != "output")

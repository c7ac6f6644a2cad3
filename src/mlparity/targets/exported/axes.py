"""Rewrites arithmetic on tensors of more than five dimensions as arithmetic on fewer, with reshapes around it."""

from __future__ import annotations

import math
import operator
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from mlparity.targets.exported.graph import call

MOST_AXES = 5
"""Source: coremltools 9.0, converters/mil/backend/mil/load.py ("rank <= 5")."""

_aten = torch.ops.aten

_ALONG_ONE_AXIS = frozenset(
    {
        _aten.amax.default,
        _aten.amin.default,
        _aten.cumsum.default,
        _aten.max.dim,
        _aten.mean.dim,
        _aten.min.dim,
        _aten.softmax.int,
        _aten._softmax.default,
        _aten.sum.dim_IntList,
    }
)
"""Ops whose second argument is an axis, or a list of axes (of which one alone is rewritten)."""


def merge_axes(program: ExportedProgram) -> None:
    """Give elementwise ops and ops along one axis tensors of at most three dimensions, where they had too many.

    ```
    mul(x, y)                                                        before
    reshape(mul(reshape(x, [-1]), reshape(y, [-1])), shape)          after
    ```
    """
    graph = program.graph_module.graph
    for node in list(graph.nodes):
        if node.op == "call_function" and _has_many_axes(node):
            with graph.inserting_before(node):
                _rewrite(graph, node)
    graph.eliminate_dead_code()
    program.graph_module.recompile()


def _has_many_axes(node: fx.Node) -> bool:
    values = [_value(source) for source in (node, *node.all_input_nodes)]
    ranks = [value.ndim for value in values if isinstance(value, Tensor)]
    sizes = [size for value in values if isinstance(value, Tensor) for size in value.shape]
    return max(ranks, default=0) > MOST_AXES and all(isinstance(size, int) for size in sizes)


def _value(node: fx.Node) -> object:
    return node.meta.get("val")


def _rewrite(graph: fx.Graph, node: fx.Node) -> None:
    target = node.target
    if target in _ALONG_ONE_AXIS:
        _along_one_axis(graph, node)
    elif isinstance(target, torch._ops.OpOverload) and torch.Tag.pointwise in target.tags:
        shape = list(cast("Tensor", _value(node)).shape)
        args, named = fx.map_arg((node.args, node.kwargs), lambda argument: _flat(graph, argument, shape))
        node.replace_all_uses_with(call(graph, _aten.reshape.default, call(graph, target, *args, **named), shape))


def _flat(graph: fx.Graph, node: fx.Node, shape: list[int]) -> fx.Node:
    whole = (
        node if list(cast("Tensor", _value(node)).shape) == shape else call(graph, _aten.expand.default, node, shape)
    )
    return call(graph, _aten.reshape.default, whole, [-1])


def _along_one_axis(graph: fx.Graph, node: fx.Node) -> None:
    source, axes, *rest = node.args
    axes = axes if isinstance(axes, (list, tuple)) else [axes]
    shape = cast("Tensor", _value(cast("fx.Node", source))).shape
    if len(axes) != 1:
        return
    axis = int(cast("int", axes[0])) % len(shape)
    merged = [math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])]
    narrow = call(graph, _aten.reshape.default, source, merged)
    made = call(graph, cast("Any", node.target), narrow, 1 if node.args[1] is axes[0] else [1], *rest, **node.kwargs)
    if isinstance(_value(node), Tensor):
        node.replace_all_uses_with(call(graph, _aten.reshape.default, made, list(cast("Tensor", _value(node)).shape)))
        return
    for user in list(node.users):
        if user.target is operator.getitem:
            part = call(graph, operator.getitem, made, user.args[1])
            shape = cast("Tensor", _value(user)).shape
            user.replace_all_uses_with(call(graph, _aten.reshape.default, part, list(shape)))

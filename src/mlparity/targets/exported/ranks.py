"""Rewrites moves of elements through more than five dimensions, which is what Core ML holds, as moves through five."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from mlparity.targets.exported.axes import MOST_AXES
from mlparity.targets.exported.graph import add_constant, call

_aten = torch.ops.aten

MOVES = frozenset(
    {
        operator.getitem,
        _aten.alias.default,
        _aten.clone.default,
        _aten.contiguous.default,
        _aten.flatten.using_ints,
        _aten.movedim.int,
        _aten.movedim.intlist,
        _aten.permute.default,
        _aten.reshape.default,
        _aten.select.int,
        _aten.slice.Tensor,
        _aten.split.Tensor,
        _aten.split_with_sizes.default,
        _aten.squeeze.default,
        _aten.squeeze.dim,
        _aten.squeeze.dims,
        _aten.transpose.int,
        _aten.unbind.int,
        _aten.unflatten.int,
        _aten.unsqueeze.default,
        _aten.view.default,
        _aten._unsafe_view.default,
        _aten.expand.default,
        _aten.flip.default,
    }
)
"""Ops that give each element of the result the value of one element of their only tensor."""


@dataclass(frozen=True, slots=True)
class _Moved:
    """Where the elements of a node come from: numbers (or several tensors of them) of elements of `source`."""

    source: fx.Node
    numbers: Any


def lower_ranks(program: ExportedProgram) -> None:
    """Replace chains of moves that pass through more than five axes by one move from their start to their end.

    ```
    view(x, [1, 4, 2, 2, 4, 8]) -> permute([0, 2, 4, 1, 3, 5]) -> view([8, 4, 8])          before
    view(x, [8, 2, 4, 8]) -> permute([1, 2, 0, 3]) -> view([8, 4, 8])     after, where axes can be merged
    index(view(x, [-1]), [numbers]) -> view([8, 4, 8])                    after, where they cannot
    ```
    """
    moved: dict[fx.Node, _Moved] = {}
    for node in list(program.graph_module.graph.nodes):
        start = _start(node, moved)
        if start is None:
            continue
        result = _move(node, start.numbers)
        if isinstance(result, Tensor) and result.ndim <= MOST_AXES:
            _rewrite(program, node, start.source, result)
        else:
            moved[node] = _Moved(start.source, result)
    program.graph_module.graph.eliminate_dead_code()
    program.graph_module.recompile()


def _start(node: fx.Node, moved: dict[fx.Node, _Moved]) -> _Moved | None:
    """Return the start of the chain that a node belongs to, None where it belongs to none."""
    if node.op != "call_function" or node.target not in MOVES:
        return None
    source = cast("fx.Node", node.args[0])
    if source in moved:
        return moved[source]
    given, made = source.meta.get("val"), node.meta.get("val")
    if not isinstance(given, Tensor) or not isinstance(made, Tensor) or made.ndim <= MOST_AXES:
        return None
    if any(not isinstance(size, int) for size in (*given.shape, *made.shape)):
        return None
    return _Moved(source, torch.arange(given.numel()).reshape(given.shape))


def _move(node: fx.Node, numbers: Any) -> Any:
    return cast("Any", node.target)(numbers, *node.args[1:], **node.kwargs)


def _rewrite(program: ExportedProgram, node: fx.Node, source: fx.Node, numbers: Tensor) -> None:
    graph = program.graph_module.graph
    shape = list(numbers.shape)
    with graph.inserting_before(node):
        axes = _permutation(numbers, cast("Tensor", source.meta["val"]).numel())
        if axes is not None:
            sizes, order = axes
            split = call(graph, _aten.reshape.default, source, sizes)
            turned = call(graph, _aten.permute.default, split, order)
        else:
            flat = call(graph, _aten.reshape.default, source, [-1])
            indices = add_constant(program, "_indices", numbers.reshape(-1).to(torch.int32), node.meta)
            turned = call(graph, _aten.index.Tensor, flat, [indices])
        whole = call(graph, _aten.reshape.default, turned, shape)
    node.replace_all_uses_with(whole)


def _permutation(numbers: Tensor, count: int) -> tuple[list[int], list[int]] | None:
    """Return sizes to view the source in and the order of its axes, where the move is a permutation of few axes."""
    if numbers.numel() != count or numbers.numel() == 0 or int(numbers.flatten()[0]) != 0:
        return None
    axes = _merged(numbers.shape, _steps(numbers))
    by_step = sorted(range(len(axes)), key=lambda axis: -axes[axis][1])
    sizes = [axes[axis][0] for axis in by_step]
    order = [by_step.index(axis) for axis in range(len(axes))]
    if len(axes) > MOST_AXES:
        return None
    moved = torch.arange(count).reshape(sizes).permute(order).reshape(numbers.shape)
    return (sizes, order) if torch.equal(moved, numbers) else None


def _steps(numbers: Tensor) -> list[int]:
    """Return by how much the number grows along each axis, 0 along an axis of one element."""
    return [
        int((numbers.select(axis, 1) - numbers.select(axis, 0)).flatten()[0]) if size > 1 else 0
        for axis, size in enumerate(numbers.shape)
    ]


def _merged(sizes: Sequence[int], steps: Sequence[int]) -> list[tuple[int, int]]:
    """Return (size, step) of the axes, without those of one element, and neighbours that run on as one."""
    merged: list[tuple[int, int]] = []
    for size, step in zip(sizes, steps, strict=True):
        if size == 1:
            continue
        if merged and merged[-1][1] == step * size:
            merged[-1] = (merged[-1][0] * size, step)
        else:
            merged.append((size, step))
    return merged

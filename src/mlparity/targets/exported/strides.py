"""Rewrites `as_strided`, which speaks of memory, as a choice of elements."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from mlparity.targets.exported.graph import add_constant, call

_aten = torch.ops.aten


def resolve_strides(program: ExportedProgram) -> None:
    """Replace each `as_strided` by an index into its input; where the elements lie is known from the export.

    One whose input is itself a part of a larger tensor's memory is left as it is.
    """
    graph = program.graph_module.graph
    for node in list(graph.nodes):
        numbers = _numbers(node) if node.target is _aten.as_strided.default else None
        if numbers is None:
            continue
        with graph.inserting_before(node):
            flat = call(graph, _aten.reshape.default, node.args[0], [-1])
            indices = add_constant(program, "_indices", numbers.reshape(-1), node.meta)
            chosen = call(graph, _aten.index.Tensor, flat, [indices])
            whole = call(graph, _aten.reshape.default, chosen, list(numbers.shape))
        node.replace_all_uses_with(whole)
    graph.eliminate_dead_code()
    program.graph_module.recompile()


def _value(argument: Any) -> Tensor:
    return cast("Tensor", cast("fx.Node", argument).meta["val"])


def _numbers(node: fx.Node) -> Tensor | None:
    """Return, for each element of the result, the number of the input's element, None where memory holds more."""
    given = _value(node.args[0])
    count = given.numel()
    arguments = dict(zip(("size", "stride", "storage_offset"), node.args[1:], strict=False)) | node.kwargs
    offset = arguments.get("storage_offset")
    start = given.storage_offset() if offset is None else int(cast("int", offset))
    if count == 0 or any(not isinstance(size, int) for size in given.shape):
        return None
    offsets = torch.as_strided(torch.arange(_extent(given)), given.shape, given.stride()).reshape(-1)
    if sorted(offsets.tolist()) != list(range(count)):
        return None
    number_at = torch.empty(count, dtype=torch.int64)
    number_at[offsets] = torch.arange(count)
    sizes, strides = cast("list[int]", arguments["size"]), cast("list[int]", arguments["stride"])
    return torch.as_strided(number_at, sizes, strides, start - given.storage_offset()).clone()


def _extent(tensor: Tensor) -> int:
    return 1 + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))

"""Runs a source in fp64 and shows what each of its ops gives, which may be put aside for another value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from mlparity.core.errors import ExecutionError
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.core.user_code import said
from mlparity.sessions.torch import open as open_source
from mlparity.sessions.torch_dispatch import OpMode
from mlparity.sessions.torch_trace import counts, layers_by_their_parts, run_module

Shown = Callable[[str, str, Tensor], Tensor]
"""Takes an op's name, its type and what it gives, and returns what goes on in its place."""


def graph_of(source: Source) -> fx.GraphModule | None:
    """Return the graph of an exported program; None for other sources."""
    inner = getattr(source.module, "inner", None)
    return inner if isinstance(inner, fx.GraphModule) else None


def follow_source(source: Source, sample: Sample, shown: Shown) -> None:
    """Run a source in fp64; nodes of an exported program go by their names, ops of other sources by their number.

    Shown are new floating tensors: what is written in place, and views, follow from them.

    Raises:
        ExecutionError: the source fails, for example because it cannot run in fp64.
    """
    with open_source(source, double=True) as session:
        module, inputs = session.module, session.inputs_of(sample)
        try:
            with torch.no_grad(), layers_by_their_parts():
                if graph_of(source) is None:
                    with _Ops(shown):
                        run_module(module, inputs, double=True)
                else:
                    run_module(_by_nodes(module, shown), inputs, double=True)
        except Exception as error:
            raise ExecutionError("the source cannot be followed", where=session.runtime, found=said(error)) from error


class _Ops(OpMode):
    """Shows each op's result."""

    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._shown, self._calls = shown, 0

    def run_op(self, func: Any, args: Sequence[Any], named: Mapping[str, Any]) -> Any:
        """Run an op, and show what it gives."""
        result = func(*args, **named)
        call, self._calls = self._calls, self._calls + counts(func)
        is_new = all(made.alias_info is None for made in func._schema.returns)
        if not is_new or not _is_shown(result):
            return result
        return self._shown(str(call), str(func._schema.name).replace("::", "."), result)


def _is_shown(result: object) -> bool:
    return isinstance(result, Tensor) and result.is_floating_point() and result.numel() > 0


class _Nodes(fx.Interpreter):
    """Shows what each node that calls a function gives."""

    def __init__(self, graph: fx.GraphModule, shown: Shown) -> None:
        super().__init__(graph)
        self._shown = shown

    def run_node(self, node: fx.Node) -> Any:
        """Run a node, and show what it gives."""
        result = super().run_node(node)
        schema = getattr(node.target, "_schema", None)
        is_new = schema is not None and all(made.alias_info is None for made in schema.returns)
        if node.op != "call_function" or not is_new or not _is_shown(result):
            return result
        return self._shown(node.name, str(node.target), result)


def _by_nodes(module: nn.Module, shown: Shown) -> nn.Module:
    """Return the module, a copy of the source's own, with its graph run node by node."""
    graph = cast("fx.GraphModule", module.inner)
    nodes = _Nodes(graph, shown)

    class _Inner(nn.Module):
        def forward(self, *args: Any, **named: Any) -> Any:
            return nodes.run(*args, *named.values())

    return module.__class__(_Inner(), module.order, module.constants)

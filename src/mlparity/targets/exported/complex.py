"""Writes complex arithmetic as arithmetic on pairs of real tensors: MIL has no complex numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from mlparity.targets.exported.graph import add_constant, call, held_values
from mlparity.targets.exported.ranks import MOVES

_aten = torch.ops.aten

Pair = tuple[fx.Node, fx.Node]
"""The nodes of the real and of the imaginary part."""

Part = fx.Node | float
Parts = tuple[Part, Part]

Rule = Callable[..., Any]
"""Writes one op in parts: called with the pairs so far and the op's arguments."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """The complex values of a program that are written as pairs so far; new nodes enter at the point of insertion."""

    program: ExportedProgram
    known: dict[fx.Node, Pair] = field(default_factory=dict)

    def parts(self, argument: Any) -> Parts:
        """Return the parts of an argument; a real one has the imaginary part 0."""
        if isinstance(argument, fx.Node):
            return self.known.get(argument, (argument, 0.0))
        return complex(argument).real, complex(argument).imag

    def emit(self, op: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Add a call."""
        return call(self.program.graph_module.graph, op, *arguments, **named)

    def constant(self, value: Tensor, like: fx.Node) -> fx.Node:
        """Add a constant."""
        return add_constant(self.program, "_table", value, like.meta)


def split_complex(program: ExportedProgram, rules: dict[object, Rule]) -> None:
    """Replace complex values by pairs, as in rotary embeddings that multiply by `exp(i * angle)`.

    A program with a complex op that is not among the rules is left as it is.
    """
    graph = program.graph_module.graph
    nodes = complex_nodes(program)
    constants = held_values(program)
    if not nodes or not all(node in constants or _has_rule(node, rules) for node in nodes):
        return
    pairs = Pairs(program)
    for node in nodes:
        with graph.inserting_after(node) if node in constants else graph.inserting_before(node):
            if node in constants:
                pairs.known[node] = _constant(program, node, cast("Tensor", constants[node]))
                continue
            result = _lowered(node, pairs, rules)
        if _is_complex(node):
            pairs.known[node] = cast("Pair", result)
        else:
            node.replace_all_uses_with(result[0] if isinstance(result, tuple) else result)
    graph.eliminate_dead_code()
    program.graph_module.recompile()


def complex_nodes(program: ExportedProgram) -> list[fx.Node]:
    """Return the nodes that make or take complex values."""
    nodes = program.graph_module.graph.nodes
    return [node for node in nodes if _is_complex(node) or any(map(_is_complex, node.all_input_nodes))]


def _has_rule(node: fx.Node, rules: dict[object, Rule]) -> bool:
    return "alpha" not in node.kwargs and (node.target in rules or node.target in MOVES or node.target in _APART)


def _is_complex(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.is_complex()


def _constant(program: ExportedProgram, node: fx.Node, value: Tensor) -> Pair:
    imaginary = add_constant(program, "_imaginary", value.imag.clone(), node.meta)
    return add_constant(program, "_real", value.real.clone(), node.meta), imaginary


_APART = frozenset(
    {
        _aten.cat.default,
        _aten.constant_pad_nd.default,
        _aten.cumsum.default,
        _aten.index.Tensor,
        _aten.index_select.default,
        _aten.mean.default,
        _aten.mean.dim,
        _aten.neg.default,
        _aten.repeat.default,
        _aten.roll.default,
        _aten.select_scatter.default,
        _aten.slice_scatter.default,
        _aten.stack.default,
        _aten.sum.default,
        _aten.sum.dim_IntList,
        _aten.where.self,
    }
)
"""Ops that do to the real parts of their arguments what they do to the imaginary parts, beside moves of elements."""


def _lowered(node: fx.Node, pairs: Pairs, rules: dict[object, Rule]) -> Any:
    if node.target in MOVES or node.target in _APART:
        return _apart(node, pairs, 0), _apart(node, pairs, 1)
    return rules[node.target](pairs, *node.args)


def _apart(node: fx.Node, pairs: Pairs, which: int) -> fx.Node:
    def part(argument: fx.Node) -> Any:
        value = argument.meta.get("val")
        if argument not in pairs.known and not (isinstance(value, Tensor) and value.is_floating_point()):
            return argument  # a condition, or an index
        chosen = pairs.parts(argument)[which]
        if isinstance(chosen, fx.Node):
            return chosen
        real = pairs.parts(argument)[0]
        return pairs.emit(_aten.mul.Tensor, real, 0.0)

    args, named = fx.map_arg((node.args, node.kwargs), part)
    kept = {name: value for name, value in named.items() if name != "dtype"}
    return cast("fx.Node", pairs.emit(cast("Any", node.target), *args, **kept))

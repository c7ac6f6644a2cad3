"""Writes complex arithmetic as arithmetic on pairs of real tensors: MIL has no complex numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram

from mlparity.convert.exported_axes import call
from mlparity.convert.exported_constants import add_constant, held_values
from mlparity.convert.exported_ranks import MOVES

_aten = torch.ops.aten

Pair = tuple[fx.Node, fx.Node]
"""The nodes of the real and of the imaginary part."""

Part = fx.Node | float
Parts = tuple[Part, Part]


def split_complex(program: ExportedProgram) -> None:
    """Replace complex values by pairs, as in rotary embeddings that multiply by `exp(i * angle)`.

    A program with a complex op of another kind (a Fourier transform) is left as it is.
    """
    graph = program.graph_module.graph
    nodes = [node for node in graph.nodes if _is_complex(node) or any(map(_is_complex, node.all_input_nodes))]
    constants = held_values(program)
    if not nodes or not all(node in constants or node.target in _RULES or node.target in MOVES for node in nodes):
        return
    pairs: dict[fx.Node, Pair] = {}
    for node in nodes:
        with graph.inserting_after(node) if node in constants else graph.inserting_before(node):
            if node in constants:
                pairs[node] = _constant(program, node, cast("Tensor", constants[node]))
                continue
            result = _lowered(graph, node, pairs)
        if isinstance(result, fx.Node):
            node.replace_all_uses_with(result)
        else:
            pairs[node] = result
    graph.eliminate_dead_code()
    program.graph_module.recompile()


def _is_complex(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.is_complex()


def _constant(program: ExportedProgram, node: fx.Node, value: Tensor) -> Pair:
    imaginary = add_constant(program, "_imaginary", value.imag.clone(), node.meta)
    return add_constant(program, "_real", value.real.clone(), node.meta), imaginary


def _lowered(graph: fx.Graph, node: fx.Node, pairs: dict[fx.Node, Pair]) -> Pair | fx.Node:
    def parts(argument: Any) -> Parts:
        if isinstance(argument, fx.Node):
            return pairs.get(argument, (argument, 0.0))
        return complex(argument).real, complex(argument).imag

    def emit(op: Callable[..., Any], *arguments: Any) -> Any:
        return call(graph, op, *arguments)

    if node.target in MOVES:
        real, imaginary = parts(node.args[0])
        target = cast("Callable[..., Any]", node.target)
        rest, named = node.args[1:], node.kwargs
        return call(graph, target, real, *rest, **named), call(graph, target, imaginary, *rest, **named)
    return cast("Pair | fx.Node", _RULES[node.target](emit, parts, *node.args))


Emit = Callable[..., Any]
Split = Callable[[Any], Parts]


def _view_as_complex(emit: Emit, _parts: Split, x: Any) -> Any:
    return emit(_aten.select.int, x, -1, 0), emit(_aten.select.int, x, -1, 1)


def _complex(_emit: Emit, _parts: Split, real: Any, imaginary: Any) -> Any:
    return real, imaginary


def _polar(emit: Emit, _parts: Split, size: Any, angle: Any) -> Any:
    turned = emit(_aten.cos.default, angle), emit(_aten.sin.default, angle)
    return tuple(emit(_aten.mul.Tensor, size, each) for each in turned)


def _mul(emit: Emit, parts: Split, x: Any, y: Any) -> Any:
    (a, b), (c, d) = parts(x), parts(y)
    if not isinstance(d, fx.Node) and d == 0:
        return emit(_aten.mul.Tensor, a, c), emit(_aten.mul.Tensor, b, c)
    if not isinstance(b, fx.Node) and b == 0:
        return emit(_aten.mul.Tensor, c, a), emit(_aten.mul.Tensor, d, a)
    real = emit(_aten.sub.Tensor, emit(_aten.mul.Tensor, a, c), emit(_aten.mul.Tensor, b, d))
    return real, emit(_aten.add.Tensor, emit(_aten.mul.Tensor, a, d), emit(_aten.mul.Tensor, b, c))


def _add(emit: Emit, parts: Split, x: Any, y: Any) -> Any:
    return tuple(_sum(emit, _aten.add.Tensor, a, b) for a, b in zip(parts(x), parts(y), strict=True))


def _sum(emit: Emit, op: Any, a: Part, b: Part) -> Any:
    if not isinstance(b, fx.Node) and b == 0:
        return a
    return emit(op, a, b) if isinstance(a, fx.Node) else emit(op, b, a)


def _conj(emit: Emit, parts: Split, x: Any) -> Any:
    real, imaginary = parts(x)
    return real, emit(_aten.neg.default, imaginary)


def _view_as_real(emit: Emit, parts: Split, x: Any) -> Any:
    last = [emit(_aten.unsqueeze.default, each, -1) for each in parts(x)]
    return emit(_aten.cat.default, last, -1)


def _abs(emit: Emit, parts: Split, x: Any) -> Any:
    squares = [emit(_aten.mul.Tensor, each, each) for each in parts(x)]
    return emit(_aten.sqrt.default, emit(_aten.add.Tensor, *squares))


def _same(_emit: Emit, parts: Split, x: Any) -> Any:
    return parts(x)


_RULES: dict[object, Callable[..., Any]] = {
    _aten.view_as_complex.default: _view_as_complex,
    _aten.complex.default: _complex,
    _aten.polar.default: _polar,
    _aten.mul.Tensor: _mul,
    _aten.add.Tensor: _add,
    _aten._conj.default: _conj,
    _aten.resolve_conj.default: _same,
    _aten._to_copy.default: _same,
    _aten.view_as_real.default: _view_as_real,
    _aten.real.default: lambda _emit, parts, x: parts(x)[0],
    _aten.imag.default: lambda _emit, parts, x: parts(x)[1],
    _aten.abs.default: _abs,
}
"""How each op is written in parts: called with a way to add a call, the parts of an argument, and the arguments."""

"""Writes the batch norms of an exported program into the weights before them, in fp64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram, export
from torch.nn.utils.fusion import fuse_conv_bn_weights

_aten = torch.ops.aten

_CONVOLUTIONS = frozenset((_aten.conv1d.default, _aten.conv2d.default, _aten.conv3d.default))
"""Ops whose weight has the output's channels first."""


def without_norms(program: ExportedProgram, examples: tuple[Tensor, ...]) -> ExportedProgram:
    """Return a program that computes the same without a batch norm.

    A norm after a convolution that nothing else reads goes into its weights; any other becomes a scale and a shift.
    All of it is computed in fp64 and rounded once, so that no variance is too small. A norm that measures its own
    statistics, or whose numbers are not constants, stays.
    """
    module = program.module()
    norms = [norm for node in module.graph.nodes if (norm := _norm(module, node)) is not None]
    if not norms:
        return program
    for norm in norms:
        _fold(module, norm)
    module.graph.eliminate_dead_code()
    module.recompile()
    with torch.no_grad():
        return export(module, examples)


@dataclass(frozen=True, slots=True)
class _Norm:
    """A batch norm with constant numbers: its node, and weight, bias, mean, variance (fp64) and epsilon."""

    node: fx.Node
    weight: Tensor
    bias: Tensor
    mean: Tensor
    variance: Tensor
    epsilon: float


def _norm(module: fx.GraphModule, node: fx.Node) -> _Norm | None:
    if node.target is not _aten.batch_norm.default:
        return None
    _, weight, bias, mean, variance, training, _, epsilon, *_ = node.args
    held = [_value(module, argument) for argument in (mean, variance)]
    if training or any(value is None for value in held) or any(_is_computed(argument) for argument in (weight, bias)):
        return None
    centre, spread = cast("list[Tensor]", held)
    affine = [_value(module, argument) for argument in (weight, bias)]
    scale = affine[0] if affine[0] is not None else torch.ones_like(spread)
    shift = affine[1] if affine[1] is not None else torch.zeros_like(spread)
    return _Norm(node, scale, shift, centre, spread, cast("float", epsilon))


def _value(module: fx.GraphModule, argument: Any) -> Tensor | None:
    if not isinstance(argument, fx.Node) or argument.op != "get_attr":
        return None
    return cast("Tensor", attrgetter(cast("str", argument.target))(module)).detach().double()


def _is_computed(argument: Any) -> bool:
    return isinstance(argument, fx.Node) and argument.op != "get_attr"


def _fold(module: fx.GraphModule, norm: _Norm) -> None:
    before = cast("fx.Node", norm.node.args[0])
    weight = _value(module, before.args[1]) if before.target in _CONVOLUTIONS else None
    bias = before.args[2] if weight is not None and len(before.args) > 2 else None
    if weight is None or len(before.users) > 1 or _is_computed(bias):
        _as_scale_and_shift(module, norm)
        return
    fused = fuse_conv_bn_weights(
        weight, _value(module, bias), norm.mean, norm.variance, norm.epsilon, norm.weight, norm.bias
    )
    with module.graph.inserting_before(before):
        held = tuple(_held(module, value) for value in fused)
    before.args = (before.args[0], *held, *before.args[3:])
    norm.node.replace_all_uses_with(before)
    module.graph.erase_node(norm.node)


def _as_scale_and_shift(module: fx.GraphModule, norm: _Norm) -> None:
    source = cast("fx.Node", norm.node.args[0])
    scale = norm.weight * torch.rsqrt(norm.variance + norm.epsilon)
    shift = norm.bias - norm.mean * scale
    beside = (1, -1) + (1,) * (source.meta["val"].dim() - 2)
    graph = module.graph
    with graph.inserting_before(norm.node):
        scaled = _call(graph, _aten.mul.Tensor, source, _held(module, scale.reshape(beside)))
        shifted = _call(graph, _aten.add.Tensor, scaled, _held(module, shift.reshape(beside)))
    norm.node.replace_all_uses_with(shifted)
    graph.erase_node(norm.node)


def _call(graph: fx.Graph, op: Callable[..., Any], *arguments: Any) -> fx.Node:
    return graph.call_function(op, arguments)


def _held(module: fx.GraphModule, value: Tensor) -> fx.Node:
    name = f"_normless_{sum(1 for buffer in module._buffers if buffer.startswith('_normless_'))}"
    module.register_buffer(name, value.detach().float())
    return module.graph.get_attr(name)

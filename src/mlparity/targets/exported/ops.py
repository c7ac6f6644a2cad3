"""Writes the ops of an exported program that coremltools has no lowering for in ops that it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch._decomp import decomposition_table
from torch._export.utils import _get_decomp_for_cia
from torch.export import ExportedProgram
from torch.export.graph_signature import TensorArgument

from mlparity.targets.exported.axes import merge_axes
from mlparity.targets.exported.complex import complex_nodes, split_complex
from mlparity.targets.exported.complex_rules import RULES
from mlparity.targets.exported.constants import fold_constants
from mlparity.targets.exported.ranks import MOVES, lower_ranks
from mlparity.targets.exported.strides import resolve_strides

Overload = torch._ops.OpOverload

_ROUNDS = 8
"""Decompositions may lead to ops that are lacking in turn; a chain longer than this is taken for a circle."""

_aten = torch.ops.aten

_prims = torch.ops.prims

_PRIMS: dict[object, Overload] = {
    _prims.abs.default: _aten.abs.default,
    _prims.add.default: _aten.add.Tensor,
    _prims.div.default: _aten.div.Tensor,
    _prims.eq.default: _aten.eq.Tensor,
    _prims.exp.default: _aten.exp.default,
    _prims.ge.default: _aten.ge.Tensor,
    _prims.gt.default: _aten.gt.Tensor,
    _prims.le.default: _aten.le.Tensor,
    _prims.log.default: _aten.log.default,
    _prims.lt.default: _aten.lt.Tensor,
    _prims.maximum.default: _aten.maximum.default,
    _prims.minimum.default: _aten.minimum.default,
    _prims.mul.default: _aten.mul.Tensor,
    _prims.ne.default: _aten.ne.Tensor,
    _prims.neg.default: _aten.neg.default,
    _prims.pow.default: _aten.pow.Tensor_Tensor,
    _prims.sub.default: _aten.sub.Tensor,
    _prims.where.default: _aten.where.self,
}
"""Ops in which some decompositions of PyTorch end, and those that coremltools knows; the arguments are the same."""

_OPERATORS: dict[object, Overload] = {
    _aten.__and__.Tensor: _aten.logical_and.default,
    _aten.__or__.Tensor: _aten.logical_or.default,
    _aten.__xor__.Tensor: _aten.logical_xor.default,
    _aten.bitwise_and.Tensor: _aten.logical_and.default,
    _aten.bitwise_or.Tensor: _aten.logical_or.default,
    _aten.bitwise_xor.Tensor: _aten.logical_xor.default,
    _aten.bitwise_not.default: _aten.logical_not.default,
}


def prepare(program: ExportedProgram) -> None:
    """Bring a program into the form that suits coremltools: common names, constants computed, five axes at most."""
    _use_common_names(program)
    _remove_assertions(program)
    resolve_strides(program)
    fold_constants(program)
    split_complex(program, RULES)
    merge_axes(program)
    lower_ranks(program)
    _name_outputs(program)


def decompose_complex(program: ExportedProgram) -> ExportedProgram:
    """Decompose composite ops on complex values, such as `fft_rfft`, into those that have a rule."""
    for _ in range(_ROUNDS):
        targets = {node.target for node in complex_nodes(program) if isinstance(node.target, Overload)}
        lacking = {op for op in targets - RULES.keys() - MOVES if op._can_decompose()}
        if not lacking:
            break
        program = program.run_decompositions({op: _get_decomp_for_cia(op) for op in lacking})
    return program


def _remove_assertions(program: ExportedProgram) -> None:
    """Take out the checks that an export adds: they compute nothing, and Core ML has none."""
    graph = program.graph_module.graph
    for node in list(graph.nodes):
        if node.target in _ASSERTIONS and not node.users:
            graph.erase_node(node)


def _name_outputs(program: ExportedProgram) -> None:
    """Let the signature name the nodes that now give the outputs: coremltools looks them up by these names."""
    given = next(node for node in reversed(program.graph_module.graph.nodes) if node.op == "output").args[0]
    for spec, node in zip(program.graph_signature.output_specs, cast("tuple[object, ...]", given), strict=True):
        if isinstance(node, fx.Node) and isinstance(spec.arg, TensorArgument):
            spec.arg.name = node.name


_INTO_VIEWS = ("diagonal_scatter", "as_strided_scatter")

_ASSERTIONS = frozenset(
    (
        torch.ops.aten._assert_tensor_metadata.default,
        torch.ops.aten._assert_async.msg,
        torch.ops.aten._assert_scalar.default,
    )
)


def _use_common_names(program: ExportedProgram) -> None:
    """Give Python's operators on truth values, and PyTorch's primitive ops, the names that coremltools knows."""
    for node in program.graph_module.graph.nodes:
        if node.target in _OPERATORS and all(_is_truth(argument) for argument in node.args):
            node.target = _OPERATORS[node.target]
        node.target = _PRIMS.get(node.target, node.target)
        if node.target is _prims.convert_element_type.default:
            node.target, node.kwargs = _aten._to_copy.default, {"dtype": node.args[1]}
            node.args = node.args[:1]
    program.graph_module.recompile()


def decompose_lacking(program: ExportedProgram, also: frozenset[str] = frozenset()) -> ExportedProgram:
    """Decompose ops that coremltools has no lowering for, until none is left that PyTorch can decompose.

    `also` names ops, as coremltools does, whose lowering is there and failed.
    """
    for _ in range(_ROUNDS):
        unwanted = {op for op in _ops(program) if not _is_known(op) or kind_of(op) in also}
        table = {op: how for op in unwanted if (how := _decomposition(op)) is not None}
        if not table:
            break
        program = program.run_decompositions(table)
        prepare(program)
    return program


def can_decompose(program: ExportedProgram, kind: str) -> bool:
    """Tell whether the program has an op that coremltools calls `kind`, and PyTorch can write it in others."""
    return any(kind_of(op) == kind and _decomposition(op) is not None for op in _ops(program))


def kind_of(op: Overload) -> str:
    """Return coremltools' name of an op."""
    from coremltools.converters.mil.frontend.torch.utils import sanitize_op_kind

    return str(sanitize_op_kind(cast("Any", op).name()))


def _is_truth(argument: object) -> bool:
    value = argument.meta.get("val") if isinstance(argument, fx.Node) else argument
    return isinstance(value, bool) or (isinstance(value, Tensor) and value.dtype is torch.bool)


def _decomposition(op: Overload) -> Callable[..., object] | None:
    """Return PyTorch's own way to write an op in others: from its table, or the op's composite kernel.

    The table's way to scatter into a view writes in place, which an exported program must not.
    """
    if str(op.overloadpacket).endswith(_INTO_VIEWS):
        return None
    if op in decomposition_table:
        return cast("Callable[..., object]", decomposition_table[op])
    return cast("Callable[..., object]", _get_decomp_for_cia(op)) if op._can_decompose() else None


def _ops(program: ExportedProgram) -> set[Overload]:
    nodes = program.graph_module.graph.nodes
    return {node.target for node in nodes if node.op == "call_function" and isinstance(node.target, Overload)}


def _is_known(op: Overload) -> bool:
    """Look an op up as coremltools' reader of exported programs does."""
    from coremltools.converters.mil.frontend.torch.torch_op_registry import _TORCH_OPS_REGISTRY

    return kind_of(op) in _TORCH_OPS_REGISTRY.name_to_func_mapping

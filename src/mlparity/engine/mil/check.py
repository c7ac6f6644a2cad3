"""The rules that a function keeps: every name is defined once, before it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mlparity.core.errors import FormatError
from mlparity.engine.mil.program import Block, Function, Name, NamedType, Op

Fault = Callable[[str], FormatError]


def check_function(function: Function, fault: Fault) -> None:
    """Raise `fault(...)` where a name is undefined, used too early or defined twice, or an op gives nothing."""
    known = _define(set(), function.inputs, f"function {function.name!r}", fault)
    _check_block(function.body, known, f"function {function.name!r}", fault)


def _check_block(block: Block, outer: set[str], where: str, fault: Fault) -> None:
    known = _define(set(outer), block.inputs, where, fault)
    for op in block.ops:
        _check_op(op, known, fault)
        _define(known, op.outputs, f"op {op.location!r}", fault)
    for name in block.outputs:
        if name not in known:
            raise fault(f"{where} gives back {name!r}, which nothing defines")


def _check_op(op: Op, known: set[str], fault: Fault) -> None:
    if not op.outputs and op.type != "write_state":
        raise fault(f"op {op.location!r} ({op.type}) has no result")
    for key, arguments in op.inputs.items():
        for argument in arguments:
            if isinstance(argument, Name) and argument.name not in known:
                raise fault(f"op {op.location!r} ({op.type}) uses {argument.name!r} as {key} before it is defined")
    for block in op.blocks:
        _check_block(block, known, f"a block of op {op.location!r}", fault)


def _define(known: set[str], names: Iterable[NamedType], where: str, fault: Fault) -> set[str]:
    for name in names:
        if name.name in known:
            raise fault(f"{where} defines {name.name!r} a second time")
        known.add(name.name)
    return known

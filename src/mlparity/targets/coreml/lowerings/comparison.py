"""Choices and logic between two values, of which one may be a Python number."""

from __future__ import annotations

from typing import Any

from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend import _utils
from coremltools.converters.mil.frontend.torch.ops import where as where_of_coremltools
from coremltools.converters.mil.mil import types
from coremltools.converters.mil.mil.ops.defs._utils import promote_input_dtypes
from coremltools.converters.mil.mil.types.symbolic import any_symbolic

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering


@lowering("where where.self where.scalarother where.scalarself where_scalarself", "condition self other", replaces=True)
def where(call: Call) -> Any:
    """Lower `where`; coremltools' own lacks `ScalarOther`, and fails on scalars and on a number of another type."""
    if call.optional("self") is None:
        return where_of_coremltools(call.context, call.node)  # the indices where a condition holds
    condition = call.tensor("condition")
    if not types.is_bool(condition.dtype):
        condition = mb.cast(x=condition, dtype="bool")
    a, b = promote_input_dtypes([call.tensor("self"), call.tensor("other")])
    if max(condition.rank, a.rank, b.rank) > 0 and not any(any_symbolic(value.shape) for value in (condition, a, b)):
        condition, a, b = _utils.pymil_broadcast_tensors([condition, a, b])
    return mb.select(cond=condition, a=a, b=b, name=call.node.name)


@lowering("or bitwise_or", "self other")
def bitwise_or(call: Call) -> Var:
    """Lower `a | b` of truth values."""
    x, y = _truths(call)
    return mb.logical_or(x=x, y=y, name=call.node.name)


@lowering("xor bitwise_xor", "self other")
def bitwise_xor(call: Call) -> Var:
    """Lower `a ^ b` of truth values."""
    x, y = _truths(call)
    return mb.logical_xor(x=x, y=y, name=call.node.name)


def _truths(call: Call) -> tuple[Var, Var]:
    x, y = call.tensor("self"), call.tensor("other")
    if not (types.is_bool(x.dtype) and types.is_bool(y.dtype)):
        raise ValueError(f"{call.node.kind} of integers has no counterpart in MIL; of truth values it has")
    return x, y

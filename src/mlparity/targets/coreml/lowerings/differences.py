"""Differences of neighbours, and values passed on unchanged."""

from __future__ import annotations

from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.mil import types

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering


@lowering("diff", "self n dim prepend append")
def diff(call: Call) -> Var:
    """Lower `diff`: each value minus the one before it, `n` times; of truth values, whether they differ."""
    x, axis = call.tensor("self"), call.constant("dim", -1)
    ends = [call.optional("prepend"), x, call.optional("append")]
    present = [end for end in ends if end is not None]
    if len(present) > 1:
        x = _joined(present, axis)
    for _ in range(call.constant("n", 1)):
        x = _step(x, axis)
    return mb.identity(x=x, name=call.node.name)


@lowering("alias lift", "self")
def alias(call: Call) -> Var:
    """Lower a tensor that PyTorch hands on as a new view of itself."""
    return mb.identity(x=call.tensor("self"), name=call.node.name)


def _joined(parts: list[Var], axis: int) -> Var:
    if not types.is_bool(parts[0].dtype):
        return mb.concat(values=parts, axis=axis)
    whole = mb.concat(values=[mb.cast(x=part, dtype="int32") for part in parts], axis=axis)
    return mb.cast(x=whole, dtype="bool")


def _step(x: Var, axis: int) -> Var:
    if types.is_bool(x.dtype):
        later, earlier = _neighbours(mb.cast(x=x, dtype="int32"), axis)
        return mb.not_equal(x=later, y=earlier)
    later, earlier = _neighbours(x, axis)
    return mb.sub(x=later, y=earlier)


def _neighbours(x: Var, axis: int) -> tuple[Var, Var]:
    first, last = [0] * x.rank, [0] * x.rank
    first[axis], last[axis] = 1, -1
    bounded = [position != axis % x.rank for position in range(x.rank)]
    later = mb.slice_by_index(x=x, begin=first, end=[0] * x.rank, end_mask=[True] * x.rank)
    earlier = mb.slice_by_index(x=x, begin=[0] * x.rank, end=last, end_mask=bounded)
    return later, earlier

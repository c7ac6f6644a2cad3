"""Sorting, and what is read off a sorted axis."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.mil import types

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering

_STABLE = "self stable dim descending"


@lowering("sort sort.stable", "self dim descending", wider=_STABLE, replaces=True)
def sort(call: Call) -> tuple[Var, Var]:
    """Lower `sort`; coremltools' own refuses to be told whether equal values keep their order, and a scalar.

    MIL does not say whether they do; the engine keeps them in order.
    """
    return _sorted(call.tensor("self"), call.constant("dim", -1), bool(call.constant("descending", False)))


@lowering("argsort argsort.stable", "self dim descending", wider=_STABLE, replaces=True)
def argsort(call: Call) -> Var:
    """Lower `argsort` likewise."""
    return _sorted(call.tensor("self"), call.constant("dim", -1), bool(call.constant("descending", False)))[1]


@lowering("msort", "self")
def msort(call: Call) -> Var:
    """Lower sorting along the first axis."""
    return _sorted(call.tensor("self"), 0, descending=False)[0]


@lowering("kthvalue", "self k dim keepdim")
def kthvalue(call: Call) -> tuple[Var, Var]:
    """Lower the k-th smallest value along an axis, and where it is."""
    return _ranked(call, call.tensor("self"), call.constant("dim", -1), call.constant("k") - 1)


@lowering("median median.dim", "self dim keepdim")
def median(call: Call) -> Var | tuple[Var, Var]:
    """Lower the median: the lower of the two in the middle of an even count.

    Raises:
        ValueError: the size of the axis depends on the inputs.
    """
    x, dim = call.tensor("self"), call.constant("dim")
    if dim is None:
        flat = mb.reshape(x=x, shape=[-1])
        return _ranked(call, flat, 0, (_size(flat, 0) - 1) // 2)[0]
    return _ranked(call, x, dim, (_size(x, dim) - 1) // 2)


@lowering("argmax argmin", "self dim keepdim", replaces=True)
def argmax(call: Call) -> Var:
    """Lower where the largest or smallest value is; without an axis coremltools' own looks along the last one."""
    x, axis, keeps = call.tensor("self"), call.constant("dim"), bool(call.constant("keepdim", False))
    reduce = getattr(mb, f"reduce_{call.node.kind}")
    if types.is_bool(x.dtype):
        x = mb.cast(x=x, dtype="int32")
    if axis is not None and x.rank:
        return reduce(x=x, axis=axis, keep_dims=keeps, name=call.node.name)
    found = reduce(x=mb.reshape(x=x, shape=[-1]), axis=0, keep_dims=False)
    return mb.reshape(x=found, shape=[1] * x.rank) if keeps and x.rank else found


def _sorted(x: Var, axis: int, descending: bool) -> tuple[Var, Var]:
    if x.rank == 0:
        return mb.identity(x=x), mb.const(val=np.int32(0))
    if types.is_bool(x.dtype):
        values, order = _sorted(mb.cast(x=x, dtype="int32"), axis, descending)
        return mb.cast(x=values, dtype="bool"), order
    order = mb.argsort(x=x, axis=axis, ascending=not descending)
    return mb.gather_along_axis(x=x, indices=order, axis=axis), order


def _ranked(call: Call, x: Var, axis: int, position: int) -> tuple[Var, Var]:
    """Return the value at a position of the sorted axis, and its index."""
    values, order = _sorted(x, axis, descending=False)
    if x.rank == 0:
        return values, order
    kept = bool(call.constant("keepdim", False))
    first, second = (
        mb.gather(x=tensor, indices=[position] if kept else position, axis=axis) for tensor in (values, order)
    )
    return first, second


def _size(x: Var, axis: int) -> int:
    size = x.shape[axis] if x.rank else 1
    if not isinstance(size, (int, np.integer)):
        raise ValueError("a median along an axis of unknown size has no counterpart in MIL")
    return int(size)

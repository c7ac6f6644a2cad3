"""Diagonals of matrices."""

from __future__ import annotations

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.mil import types

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering


@lowering("diagonal diagonal_copy", "self offset dim1 dim2", replaces=True)
def diagonal(call: Call) -> Var:
    """Lower `diagonal` of any two axes; coremltools' own knows the first two axes and no offset."""
    first, second = call.constant("dim1", 0), call.constant("dim2", 1)
    return diagonal_of(call.tensor("self"), first, second, call.constant("offset", 0))


@lowering("trace", "self", replaces=True)
def trace(call: Call) -> Var:
    """Lower the sum of a matrix's diagonal."""
    return mb.reduce_sum(x=diagonal_of(call.tensor("self"), 0, 1), axes=[0], keep_dims=False, name=call.node.name)


def diagonal_of(x: Var, first: int, second: int, offset: int = 0) -> Var:
    """Return the diagonal of two axes as a new last axis: every (columns + 1)-th element of the matrix's memory.

    Raises:
        ValueError: a size depends on the inputs.
    """
    if types.is_bool(x.dtype):
        return mb.cast(x=diagonal_of(mb.cast(x=x, dtype="int32"), first, second, offset), dtype="bool")
    first, second = first % x.rank, second % x.rank
    rows, columns = x.shape[first], x.shape[second]
    if not all(isinstance(size, (int, np.integer)) for size in x.shape):
        raise ValueError("a diagonal of unknown size has no counterpart in MIL")
    others = [axis for axis in range(x.rank) if axis not in (first, second)]
    sizes = [int(x.shape[axis]) for axis in others]
    flat = mb.reshape(x=mb.transpose(x=x, perm=[*others, first, second]), shape=[*sizes, rows * columns])
    count = min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns)
    start = offset if offset >= 0 else -offset * columns
    indices = start + np.arange(max(count, 0)) * (columns + 1)
    return mb.gather(x=flat, indices=indices.astype(np.int32), axis=len(sizes))

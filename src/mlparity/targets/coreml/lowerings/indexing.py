"""Values taken from, added to or written at computed indices."""

from __future__ import annotations

from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend.torch.ops import index_put as index_put_of_coremltools
from coremltools.converters.mil.frontend.torch.ops import scatter as scatter_of_coremltools
from coremltools.converters.mil.mil import types
from coremltools.converters.mil.mil.ops.defs._utils import promote_input_dtypes

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering


@lowering("index_add", "self dim index source alpha")
def index_add(call: Call) -> Var:
    """Lower `index_add`: slices of `source` are added at the positions along one axis that `index` names."""
    alpha = call.constant("alpha", 1)
    source = call.tensor("source") if alpha == 1 else mb.mul(x=call.tensor("source"), y=float(alpha))
    return _scattered(call, source, "add")


@lowering("scatter scatter.value scatter.src", "self dim index src reduce value", replaces=True)
def scatter(call: Call) -> Any:
    """Lower `scatter` of a tensor or a number; coremltools' own does not give the number the type of the tensor."""
    if call.optional("reduce") is not None:
        return scatter_of_coremltools(call.context, call.node)
    x, index = call.tensor("self"), mb.cast(x=call.tensor("index"), dtype="int32")
    source = call.tensor("value" if call.optional("src") is None else "src")
    if source.rank == 0:
        source = mb.fill(shape=mb.shape(x=index), value=float(source.val))
    updates = mb.cast(x=source, dtype=call.dtype(x))
    axis = call.constant("dim")
    return mb.scatter_along_axis(data=x, indices=index, updates=updates, axis=axis, mode="update", name=call.node.name)


@lowering("index_copy", "self dim index source")
def index_copy(call: Call) -> Var:
    """Lower `index_copy`: slices of `source` are written at the positions along one axis that `index` names."""
    return _scattered(call, call.tensor("source"), "update")


@lowering("index_put index_put_", "self indices values accumulate", replaces=True)
def index_put(call: Call) -> Any:
    """Lower `x[:, :, positions] = values`: slices written at the positions along one axis that one vector names.

    coremltools' own takes the vector for a single number. Every other form is left to it.
    """
    x, given = call.tensor("self"), call.optional("indices")
    named = {axis: index for axis, index in enumerate(() if given is None else given) if index is not None}
    axis, index = next(iter(named.items()), (0, None))
    if len(named) != 1 or axis == 0 or call.constant("accumulate", False) or not _is_vector(index):
        return index_put_of_coremltools(call.context, call.node)
    values = mb.cast(x=call.tensor("values"), dtype=call.dtype(x))
    positions = mb.cast(x=index, dtype="int32")
    sizes = [mb.gather(x=mb.shape(x=x), indices=[other], axis=0) for other in range(x.rank)]
    sizes[axis] = mb.shape(x=positions)
    updates = values if values.rank == x.rank else mb.expand_dims(x=values, axes=list(range(x.rank - values.rank)))
    ones = mb.cast(x=mb.fill(shape=mb.concat(values=sizes, axis=0), value=1.0), dtype=call.dtype(x))
    held = mb.mul(x=updates, y=ones)
    return mb.scatter(data=x, indices=positions, updates=held, axis=axis, mode="update", name=call.node.name)


@lowering(
    "repeat_interleave repeat_interleave.self_int repeat_interleave.self_tensor",
    "self repeats dim output_size",
    replaces=True,
)
def repeat_interleave(call: Call) -> Var:
    """Lower `repeat_interleave` along any axis, with known counts; coremltools' own takes one count and the first axis.

    Raises:
        ValueError: the counts depend on the inputs, and so would the shape.
    """
    x, dim = call.tensor("self"), call.constant("dim")
    if dim is None:
        x, dim = mb.reshape(x=x, shape=[-1]), 0
    chosen = np.repeat(np.arange(int(x.shape[dim])), call.constant("repeats")).astype(np.int32)
    return mb.gather(x=x, indices=chosen, axis=dim, name=call.node.name)


@lowering("unfold", "self dimension size step")
def unfold(call: Call) -> Var:
    """Lower `Tensor.unfold`: windows along one axis, whose elements become a new last axis."""
    x, size = call.tensor("self"), call.constant("size")
    axis = call.constant("dimension") % x.rank
    count = (int(x.shape[axis]) - size) // call.constant("step") + 1
    chosen = np.arange(count)[:, None] * call.constant("step") + np.arange(size)[None]
    windows = mb.gather(x=x, indices=chosen.astype(np.int32), axis=axis)
    kept = [other for other in range(x.rank + 1) if other != axis + 1]
    return mb.transpose(x=windows, perm=[*kept, axis + 1], name=call.node.name)


def _is_vector(index: Var) -> bool:
    """Tell whether an index is a vector of several positions."""
    return bool(index.rank == 1 and index.shape[0] != 1 and types.is_int(index.dtype))


def _scattered(call: Call, source: Var, mode: str) -> Var:
    x, source = promote_input_dtypes([call.tensor("self"), source])
    index = mb.cast(x=call.tensor("index"), dtype="int32")
    axis = call.constant("dim")
    return mb.scatter(data=x, indices=index, updates=source, axis=axis, mode=mode, name=call.node.name)

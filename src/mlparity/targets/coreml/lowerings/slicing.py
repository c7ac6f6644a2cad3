"""Parts of a tensor along one axis, counted from its end too."""

from __future__ import annotations

from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering


@lowering("narrow narrow_copy", "self dim start length", replaces=True)
def narrow(call: Call) -> Var:
    """Lower `narrow`; where the start counts from the end of the axis, coremltools' own takes nothing at its very end.

    Raises:
        ValueError: the start or the length depends on the inputs.
    """
    x, start, length = call.tensor("self"), int(call.constant("start")), int(call.constant("length"))
    axis = int(call.constant("dim")) % x.rank
    begin, end = [0] * x.rank, [0] * x.rank
    begin[axis], end[axis] = start, start + length
    to_the_end = [other != axis or start < 0 == start + length for other in range(x.rank)]
    return mb.slice_by_index(x=x, begin=begin, end=end, end_mask=to_the_end, name=call.node.name)

"""A tensor in parts."""

from __future__ import annotations

from typing import Any

from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use

from mlparity.targets.coreml.lowerings.call import Call, lowering


@lowering("unsafe_chunk chunk", "self chunks dim")
def chunk(call: Call) -> Any:
    """Lower `chunk`: parts of equal size, the last one smaller; "unsafe" tells PyTorch's autograd alone something."""
    length = _length(call, call.constant("dim", 0))
    return _split(call, -(-length // call.constant("chunks")))


@lowering("unsafe_split", "self split_size dim")
def unsafe_split(call: Call) -> Any:
    """Lower `unsafe_split`: parts of the given size, the last one smaller."""
    return _split(call, call.constant("split_size"))


@lowering("unsafe_split_with_sizes", "self split_sizes dim")
def unsafe_split_with_sizes(call: Call) -> Any:
    """Lower `unsafe_split_with_sizes`: parts of the given sizes."""
    return _parts(call, call.constant("split_sizes"), call.constant("dim", 0))


def _split(call: Call, size: int) -> Any:
    axis = call.constant("dim", 0)
    length = _length(call, axis)
    whole, rest = divmod(length, size) if size else (1, 0)
    return _parts(call, [size] * whole + [rest] * bool(rest), axis)


def _parts(call: Call, sizes: list[int], axis: int) -> Any:
    x = call.tensor("self")
    if len(sizes) == 1:
        return [mb.identity(x=x, name=call.node.name)]
    return mb.split(x=x, split_sizes=sizes, axis=axis, name=call.node.name)


def _length(call: Call, axis: int) -> int:
    length = call.tensor("self").shape[axis]
    if not isinstance(length, (int,)) and not hasattr(length, "__index__"):
        raise ValueError(f"{call.node.kind} along an axis of unknown size has no fixed number of parts")
    return int(length)

"""Padding that also takes away, that wraps around, or that mirrors and repeats along any axis.

Core ML loads reflected and replicated pads of the last two axes only. So those two axes are left to MIL's `pad`, and
along the others the ends are cut out and joined on.
Sources: https://github.com/apple/coremltools/issues/2571, https://github.com/apple/coremltools/pull/2701.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend.torch.ops import pad as pad_of_coremltools
from coremltools.converters.mil.mil import types

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering

Pairs = list[tuple[int, int]]
"""What is added before and after each axis; a negative number takes away."""

_NATIVE_AXES = 2  # the last ones, along which Core ML reflects and replicates


@lowering("pad", "self pad mode value", replaces=True)
def pad(call: Call) -> Any:
    """Lower `pad`; coremltools' own fails where it takes away or wraps, and writes pads that Core ML does not load."""
    mode = call.optional("mode")
    mode = "constant" if mode is None else str(getattr(mode, "val", mode))
    return _constant(call) if mode == "constant" else _padded(call, mode)


@lowering("constant_pad_nd", "self pad value", replaces=True)
def constant_pad_nd(call: Call) -> Any:
    """Lower `constant_pad_nd` likewise."""
    return _constant(call)


@lowering("reflection_pad1d reflection_pad2d reflection_pad3d", "self pad", replaces=True)
def reflection_pad(call: Call) -> Any:
    """Lower the reflections that `pad` is made of."""
    return _padded(call, "reflect")


@lowering("replication_pad1d replication_pad2d replication_pad3d", "self pad", replaces=True)
def replication_pad(call: Call) -> Any:
    """Lower the replications that `pad` is made of."""
    return _padded(call, "replicate")


def _constant(call: Call) -> Any:
    pairs = _pairs(call)
    if pairs is None or min(map(min, pairs), default=0) >= 0:
        return pad_of_coremltools(call.context, call.node)
    x, value = _cut(call.tensor("self"), pairs), call.constant("value", 0.0)
    return mb.pad(x=x, pad=_flat(pairs), mode="constant", constant_val=float(value), name=call.node.name)


def _padded(call: Call, mode: str) -> Any:
    pairs, x = _pairs(call), call.tensor("self")
    if pairs is None:
        return pad_of_coremltools(call.context, call.node)
    if types.is_complex(x.dtype):
        real, imaginary = (_grown(part, pairs, mode) for part in (mb.complex_real(data=x), mb.complex_imag(data=x)))
        return mb.complex(real_data=real, imag_data=imaginary, name=call.node.name)
    return mb.identity(x=_grown(x, pairs, mode), name=call.node.name)


def _grown(x: Var, pairs: Pairs, mode: str) -> Var:
    """Return `x` padded along each axis from what the other axes have become."""
    wraps = mode == "circular"
    if wraps:
        x = _cut(x, pairs)
    native = [axis for axis in range(x.rank) if not wraps and _is_native(x, axis, pairs[axis], mode)]
    if any(any(pairs[axis]) for axis in native):
        widths = _flat([pair if axis in native else (0, 0) for axis, pair in enumerate(pairs)])
        x = mb.pad(x=x, pad=widths, mode=mode, constant_val=0.0)
    for axis, (before, after) in enumerate(pairs):
        if axis not in native and max(before, after) > 0:
            x = mb.concat(values=_with_ends(x, axis, max(before, 0), max(after, 0), mode), axis=axis)
    return x if wraps else _cut(x, pairs)


def _is_native(x: Var, axis: int, pair: tuple[int, int], mode: str) -> bool:
    """Tell whether MIL's `pad` takes this axis: one of the last, and no more copies of an edge than it documents."""
    size = x.shape[axis]
    fits = mode == "reflect" or (isinstance(size, (int, np.integer)) and max(pair) <= int(size))
    return axis >= x.rank - _NATIVE_AXES and fits


def _with_ends(x: Var, axis: int, before: int, after: int, mode: str) -> list[Var]:
    """Return what is joined along `axis`: the part before it, the input, and the part after it."""
    if mode == "circular":
        parts = [_part(x, axis, -before, None), x, _part(x, axis, 0, after)]
    elif mode == "reflect":
        start, end = _part(x, axis, 1, before + 1), _part(x, axis, -after - 1, -1)
        parts = [mb.reverse(x=start, axes=[axis]), x, mb.reverse(x=end, axes=[axis])]
    else:
        first, last = _part(x, axis, 0, 1), _part(x, axis, -1, None)
        parts = [_repeated(first, axis, max(before, 1)), x, _repeated(last, axis, max(after, 1))]
    return [part for part, count in zip(parts, (before, 1, after), strict=True) if count]


def _part(x: Var, axis: int, first: int, last: int | None) -> Var:
    """Return `x[first:last]` along one axis; negative numbers count from its end."""
    begin = [first if other == axis else 0 for other in range(x.rank)]
    end = [last if other == axis and last is not None else 0 for other in range(x.rank)]
    masks = [other != axis or last is None for other in range(x.rank)]
    return mb.slice_by_index(x=x, begin=begin, end=end, end_mask=masks)


def _repeated(x: Var, axis: int, times: int) -> Var:
    return mb.tile(x=x, reps=[times if other == axis else 1 for other in range(x.rank)])


def _pairs(call: Call) -> Pairs | None:
    """Return the pads of all axes, the first axis first, or None where they depend on the inputs."""
    widths = call.arguments["pad"]
    if getattr(widths, "val", None) is None:
        return None
    pairs = widths.val.reshape(-1, 2)[::-1].tolist()  # PyTorch names the last axis first
    rank = call.tensor("self").rank
    return [(0, 0)] * (rank - len(pairs)) + [(before, after) for before, after in pairs]


def _cut(x: Var, pairs: Pairs) -> Var:
    """Return `x` without what negative pads take away."""
    if min(map(min, pairs), default=0) >= 0:
        return x
    end = [min(after, 0) for _, after in pairs]
    begin = [max(-before, 0) for before, _ in pairs]
    return mb.slice_by_index(x=x, begin=begin, end=end, end_mask=[last == 0 for last in end])


def _flat(pairs: Pairs) -> list[int]:
    """Return MIL's form of the pads that add."""
    return [max(amount, 0) for pair in pairs for amount in pair]

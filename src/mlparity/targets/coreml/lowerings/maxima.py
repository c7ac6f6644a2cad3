"""The largest value of each window, where it was, and the way back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import prod

import numpy as np
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.mil.types.symbolic import any_symbolic

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering

Indices = list[np.ndarray]
"""For each step through the windows of one axis, the index that each window reads there."""


@lowering(
    "max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices",
    "self kernel_size stride padding dilation ceil_mode",
    replaces=True,
)
def max_pool_with_indices(call: Call) -> tuple[Var, Var]:
    """Lower max pooling with the indices of the maxima; MIL's own pooling gives none, nor does it know dilation.

    Raises:
        ValueError: the shape depends on the inputs.
    """
    x, kernel = call.tensor("self"), np.array(call.constant("kernel_size")).reshape(-1)
    axes = int(call.node.kind.removeprefix("max_pool")[0])
    sizes = _sizes(x, axes)
    given = call.constant("stride")
    stride = kernel if given is None or np.size(given) == 0 else np.array(given).reshape(-1)
    others = (np.array(call.constant(name, default)).reshape(-1) for name, default in (("padding", 0), ("dilation", 1)))
    arguments = [np.broadcast_to(argument, axes).tolist() for argument in (kernel, stride, *others)]
    rounds_up = bool(call.constant("ceil_mode", False))
    return _largest(x, sizes, [_windows(rounds_up, *figures) for figures in zip(sizes, *arguments, strict=True)])


@lowering("adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d", "self output_size", replaces=True)
def adaptive_max_pool(call: Call) -> tuple[Var, Var]:
    """Lower adaptive max pooling to any size, with indices; coremltools' own has none, and wants sizes that divide."""
    x = call.tensor("self")
    axes = int(call.node.kind.removeprefix("adaptive_max_pool")[0])
    sizes = _sizes(x, axes)
    wanted = np.broadcast_to(np.array(call.constant("output_size")).reshape(-1), axes).tolist()
    return _largest(x, sizes, [_adaptive(*counts) for counts in zip(sizes, wanted, strict=True)])


@lowering("max_unpool2d max_unpool3d", "self indices output_size")
def max_unpool(call: Call) -> Var:
    """Lower the inverse of max pooling: each value goes to its index, and all else is zero."""
    x, indices = call.tensor("self"), call.tensor("indices")
    sizes = list(call.constant("output_size"))
    outer, count = list(x.shape[: x.rank - len(sizes)]), prod(x.shape[x.rank - len(sizes) :])
    data = np.zeros((*outer, prod(sizes)), np.float32)
    flat = [mb.reshape(x=value, shape=[*outer, count]) for value in (mb.cast(x=indices, dtype="int32"), x)]
    made = mb.scatter_along_axis(data=data, indices=flat[0], updates=flat[1], axis=len(outer), mode="update")
    return mb.reshape(x=made, shape=[*outer, *sizes], name=call.node.name)


def _sizes(x: Var, axes: int) -> list[int]:
    if any_symbolic(x.shape):
        raise ValueError("indices of maxima in windows of unknown count have no counterpart in MIL")
    return [int(size) for size in x.shape[x.rank - axes :]]


def _windows(rounds_up: bool, size: int, *figures: int) -> Indices:
    """Return the indices of equal windows. One in the padding becomes the window's first index inside."""
    kernel, stride, padding, dilation = figures
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    count = room // stride + 1
    if rounds_up and room % stride and count * stride < size + padding:
        count += 1
    indices = np.arange(count)[:, None] * stride - padding + np.arange(kernel)[None] * dilation
    inside = (indices >= 0) & (indices < size)
    if not inside.any(axis=1).all():
        raise ValueError("a pooling window lies wholly in the padding")
    first = np.take_along_axis(indices, inside.argmax(axis=1)[:, None], axis=1)
    return list(np.where(inside, indices, first).T)


def _adaptive(size: int, count: int) -> Indices:
    """Return the indices of windows that cover an axis. A window shorter than others ends on its first index."""
    begin = np.arange(count) * size // count
    end = -(-(np.arange(count) + 1) * size // count)
    return [np.where(begin + step < end, begin + step, begin) for step in range(int((end - begin).max()))]


def _largest(x: Var, sizes: Sequence[int], windows: Sequence[Indices]) -> tuple[Var, Var]:
    """Go through all windows at once, step by step, and keep the first of the largest values and its index."""
    best: Var = None
    where: Var = None
    for steps in itertools.product(*(range(len(window)) for window in windows)):
        here = [window[step] for window, step in zip(windows, steps, strict=True)]
        value, index = _taken(x, here), np.ravel_multi_index(np.ix_(*here), tuple(sizes)).astype(np.int32)
        if best is None:
            best, where = value, mb.const(val=index)
            continue
        larger = mb.greater(x=value, y=best)
        best = mb.select(cond=larger, a=value, b=best)
        further = mb.mul(x=mb.sub(x=index, y=where), y=mb.cast(x=larger, dtype="int32"))
        where = mb.add(x=where, y=further)
    return best, where if where.val is None else mb.const(val=np.broadcast_to(where.val, best.shape).copy())


def _taken(x: Var, indices: Sequence[np.ndarray]) -> Var:
    for axis, index in enumerate(indices, start=x.rank - len(indices)):
        x = mb.gather(x=x, indices=index.astype(np.int32), axis=axis)
    return x

"""What MIL's convolutions give: one position of the result at a time, and transposed, one of the input at a time."""

from __future__ import annotations

import itertools
import math

import numpy as np

from tests.oracles.terms import Place, Terms

Axes = tuple[int, ...] | None


def margins(
    pad_type: str, pad: Axes, sizes: tuple[int, ...], spans: list[int], strides: tuple[int, ...]
) -> list[list[int]]:
    """Return what is added before and after each axis."""
    if pad_type == "valid":
        return [[0, 0] for _ in sizes]
    if pad_type == "custom":
        assert pad is not None
        return [[pad[2 * axis], pad[2 * axis + 1]] for axis in range(len(sizes))]
    found = []
    for size, span, stride in zip(sizes, spans, strides, strict=True):
        windows = math.ceil(size / stride)
        lacking = max(0, (windows - 1) * stride + span - size)
        halves = [lacking // 2, lacking - lacking // 2]
        found.append(halves if pad_type == "same" else halves[::-1])
    return found


def conv(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    strides: Axes = None,
    pad_type: str = "valid",
    pad: Axes = None,
    dilations: Axes = None,
    groups: int = 1,
) -> Terms:
    space = x.ndim - 2
    steps, spacing = strides or (1,) * space, dilations or (1,) * space
    spans = [(size - 1) * gap + 1 for size, gap in zip(weight.shape[2:], spacing, strict=True)]
    around = margins(pad_type, pad, x.shape[2:], spans, steps)
    whole = np.pad(x, [(0, 0), (0, 0), *around])
    sizes = [(size - span) // step + 1 for size, span, step in zip(whole.shape[2:], spans, steps, strict=True)]
    result = np.zeros((x.shape[0], weight.shape[0], *sizes))
    scale = np.zeros_like(result)
    for place in itertools.product(*map(range, sizes)):
        window = tuple(
            slice(start * step, start * step + span, gap)
            for start, step, span, gap in zip(place, steps, spans, spacing, strict=True)
        )
        for channel in range(weight.shape[0]):
            group = channel // (weight.shape[0] // groups)
            wide = weight.shape[1]
            terms = whole[(slice(None), slice(group * wide, (group + 1) * wide), *window)] * weight[channel]
            summed = tuple(range(1, x.ndim))
            at: Place = (slice(None), channel, *place)
            result[at], scale[at] = terms.sum(summed), np.abs(terms).sum(summed)
    return _with_bias(result, scale, bias)


def conv_transpose(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    pad: Axes = None,
    output_shape: Axes = None,
    pad_type: str = "valid",
    strides: Axes = None,
    dilations: Axes = None,
    groups: int = 1,
) -> Terms:
    space = x.ndim - 2
    steps, spacing = strides or (1,) * space, dilations or (1,) * space
    spans = [(size - 1) * gap + 1 for size, gap in zip(weight.shape[2:], spacing, strict=True)]
    full = [(size - 1) * step + span for size, step, span in zip(x.shape[2:], steps, spans, strict=True)]
    channels = weight.shape[1] * groups
    result = np.zeros((x.shape[0], channels, *full))
    scale = np.zeros_like(result)
    for place in itertools.product(*map(range, x.shape[2:])):
        window = tuple(
            slice(start * step, start * step + span, gap)
            for start, step, span, gap in zip(place, steps, spans, spacing, strict=True)
        )
        for source in range(x.shape[1]):
            group = source // (x.shape[1] // groups)
            reach = slice(group * weight.shape[1], (group + 1) * weight.shape[1])
            at: Place = (slice(None), source, *place)
            value = x[at].reshape(-1, *(1,) * (space + 1)) * weight[source]
            result[(slice(None), reach, *window)] += value
            scale[(slice(None), reach, *window)] += np.abs(value)
    value, sizes = (_cut(each, x, full, pad_type, pad, output_shape, steps) for each in (result, scale))
    return _with_bias(value, sizes, bias)


def _cut(
    whole: np.ndarray,
    x: np.ndarray,
    full: list[int],
    pad_type: str,
    pad: Axes,
    output_shape: Axes,
    steps: tuple[int, ...],
) -> np.ndarray:
    for axis, length in enumerate(full):
        if pad_type == "same":
            size = x.shape[axis + 2] * steps[axis] if output_shape is None else output_shape[axis + 2]
            start = max(length - size, 0) // 2
        else:
            start = pad[2 * axis] if pad is not None and pad_type == "custom" else 0
            end = pad[2 * axis + 1] if pad is not None and pad_type == "custom" else 0
            size = length - start - end if output_shape is None else output_shape[axis + 2]
        beyond = [(0, 0)] * whole.ndim
        beyond[axis + 2] = (0, max(start + size - length, 0))
        whole = np.pad(whole, beyond).take(range(start, start + size), axis + 2)
    return whole


def _with_bias(result: np.ndarray, scale: np.ndarray, bias: np.ndarray | None) -> Terms:
    if bias is None:
        return Terms(result, scale)
    offset = bias.reshape(-1, *(1,) * (result.ndim - 2))
    return Terms(result + offset, scale + np.abs(offset))


ORACLES = {"conv": conv, "conv_transpose": conv_transpose}

"""Images written with their channels last, zeros around them, each number scaled, and the greatest one found: one pass.

PyTorch's own ops take one pass each, which for small convolutions cost as much as the sums. Nothing is rounded: the
factor is a power of two, and values are those of fp16.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mlparity.engine.numerics.kernels.compiled import compiled
from mlparity.engine.numerics.kernels.threads import over_rows
from mlparity.engine.numerics.products import MOST_AXES

_SIZE = np.int32(0x7FFFFFFF)
"""All bits of fp32 but the sign: in this order infinity is above all numbers, and NaN above infinity."""


def channels_last(x: Tensor, pads: Sequence[int], channels: int, factor: float) -> tuple[Tensor, float]:
    """Return fp32 x (n, C, *d), padded by so much on both sides of each axis, as (n, *d, channels), times factor.

    Channels from C on are zero. The second value is the greatest magnitude, NaN where there is one.
    """
    missing = MOST_AXES - len(pads)
    whole = x.detach().reshape(*x.shape[:2], *[1] * missing, *x.shape[2:])
    sides = (*[0] * missing, *pads)
    sizes = [size + 2 * side for size, side in zip(whole.shape[2:], sides, strict=True)]
    out = torch.empty(x.shape[0], *sizes, channels)
    numbers, tops = whole.movedim(1, -1).contiguous().numpy(), [0]
    lines, written, around = x.shape[0] * sizes[0] * sizes[1], out.numpy(), np.array(sides)
    scale = np.float32(factor)

    def part(start: int, end: int) -> None:
        tops.append(_lay(numbers, numbers.view(np.int32), around, scale, written, start, end))

    if out.numel():
        over_rows(part, lines, sizes[2] * channels, 1)
    peak = float(np.array(max(tops), np.int32).view(np.float32))
    return out.reshape(x.shape[0], *sizes[missing:], channels), peak * factor


@compiled
def _place(sides, out, line):
    """Return where a line of the result lies, n and two axes of x, and whether it has anything of x."""
    planes, rows = out.shape[1], out.shape[2]
    n, i, j = line // (planes * rows), line // rows % planes, line % rows
    inside = sides[0] <= i < planes - sides[0] and sides[1] <= j < rows - sides[1]
    return n, i, j, inside


@compiled
def _lay(x, bits, sides, factor, out, start, end):
    """Write lines `start` to `end` of the result, of x (n, a, b, c, C), and return the greatest bits."""
    top, size, channels, width = np.int32(0), x.shape[3], x.shape[4], out.shape[4]
    runs, length = (1, size * channels) if channels == width else (size, channels)
    for line in range(start, end):
        n, i, j, inside = _place(sides, out, line)
        to = out[n, i, j].reshape(-1)
        if not inside:
            to[:] = 0
            continue
        begin = sides[2] * width
        to[:begin], to[begin + size * width :] = 0, 0
        seen, found = x[n, i - sides[0], j - sides[1]].reshape(-1), bits[n, i - sides[0], j - sides[1]].reshape(-1)
        for run in range(runs):
            values, places = seen[run * length : (run + 1) * length], found[run * length : (run + 1) * length]
            row = to[begin : begin + length]
            for c in range(length):
                row[c] = values[c] * factor
            for c in range(length):
                top = max(top, places[c] & _SIZE)
            begin += length
            to[begin : begin + width - channels] = 0
            begin += width - channels
    return top

"""The inputs of Winograd's F(2, 3) in one pass, where PyTorch's ops take a dozen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mlparity.engine.numerics.kernels.bits import nearest_fp16
from mlparity.engine.numerics.kernels.compiled import compiled
from mlparity.engine.numerics.kernels.threads import over_rows

_WIDTH = 32
"""Numbers that loops take at a time: they are filled up, as a rest would go one by one."""


def transformed(x: Tensor, high: int, wide: int) -> Tensor:
    """Return what `winograd.transformed` says of fp32 x (n, C, H, W), padded by so much."""
    numbers = x.detach().contiguous().numpy()
    n, channels, rows, width = numbers.shape
    out = torch.empty(n, 4, channels, rows + 2 * high, (width + 2 * wide - 1) // 2)
    written, lines = out.numpy(), n * channels * (rows + 2 * high)
    if out.numel():
        over_rows(lambda start, end: _transform(numbers, high, wide, written, start, end), lines, 2 * width, 1)
    return out.flatten(1, 2)


@compiled
def _transform(x, high, wide, out, start, end):
    """Write lines `start` to `end` of the result (n, 4, C, rows, columns)."""
    rows, columns, size = out.shape[3], out.shape[4], x.shape[3]
    length = -(-columns // _WIDTH) * _WIDTH
    padded, row = np.zeros(2 * length + 2, np.float32), np.empty(length, np.float32)
    even, odd = np.empty(length + 1, np.float32), np.empty(length + 1, np.float32)
    inside = padded[wide : wide + size]
    for line in range(start, end):
        n, c, i = line // (x.shape[1] * rows), line // rows % x.shape[1], line % rows
        if not high <= i < rows - high:
            for part in range(4):
                out[n, part, c, i] = 0
            continue
        _copy(x[n, c, i - high], inside)
        for j in range(even.shape[0]):
            even[j], odd[j] = padded[2 * j], padded[2 * j + 1]
        _minus(even, even[1:], row)
        _copy(row, out[n, 0, c, i])
        _plus(odd, even[1:], row)
        _copy(row, out[n, 1, c, i])
        _minus(even[1:], odd, row)
        _copy(row, out[n, 2, c, i])
        _minus(odd, odd[1:], row)
        _copy(row, out[n, 3, c, i])


@compiled
def _minus(left, right, out):
    for j in range(out.shape[0]):
        out[j] = nearest_fp16(left[j] - right[j])


@compiled
def _plus(left, right, out):
    for j in range(out.shape[0]):
        out[j] = nearest_fp16(left[j] + right[j])


@compiled
def _copy(row, out):
    """Write as many numbers as there is room for; for few ones a loop is faster than numba's copy of a slice."""
    for j in range(out.shape[0]):
        out[j] = row[j]

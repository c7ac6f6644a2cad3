"""The rows of numbers that products are summed over, by their offsets in one array: a convolution makes no patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from numpy.typing import NDArray
from torch import Tensor

from mlparity.engine.numerics.products import MOST_AXES, Geometry
from mlparity.engine.numerics.switch import uses_kernels

Offsets = NDArray[np.int64]

COLUMNS = 16
"""Sums that kernels hold at a time: what the widest vector instructions take."""

LANES = 8
"""Lanes that they hold where a sum has several."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Number k of line m is `numbers[starts[m] + offsets[k]]`; `by_channel`, that is channel 0's, the rest lie beside.

    Of several matrices `starts` are (B, M). `peak` is the largest magnitude of `numbers`; NaN where there is one.
    Numbers are `scale` times as large as they are.
    """

    numbers: Tensor
    starts: Offsets
    offsets: Offsets
    peak: float
    by_channel: bool = False
    scale: float = 1.0

    def part(self, offsets: Offsets) -> Lines:
        """Return the same lines with other numbers of them."""
        return replace(self, offsets=offsets)

    def shifted(self, by: Offsets) -> Lines:
        """Return the same lines several times, each time shifted by a number of `by`: starts (B, M)."""
        return replace(self, starts=by[:, None] + self.starts)

    def with_numbers(self, numbers: Tensor) -> Lines:
        """Return lines of other numbers in the same places."""
        return replace(self, numbers=numbers, peak=peak_of(numbers))

    def as_one(self) -> Lines:
        """Return the lines as those of one matrix: starts (1, M)."""
        return replace(self, starts=self.starts[None])

    def matrix(self, number: int) -> Lines:
        """Return the lines of one matrix of several, starts (B, M)."""
        return replace(self, starts=self.starts[number])

    def dense(self) -> Tensor:
        """Return the lines as a matrix (M, K), on the device of their numbers."""
        return self.numbers[torch.from_numpy(self.starts[:, None] + self.offsets).to(self.numbers.device)]


def lines_of(x: Tensor, factor: float = 1.0) -> Lines:
    """Return the rows of a matrix (M, K), each number times a power of two."""
    rows, length = x.shape
    held = x.detach().float()
    numbers = (held if factor == 1.0 else held * factor).contiguous()
    starts, offsets = np.arange(rows) * length, np.arange(length)
    return Lines(numbers.reshape(-1), starts, offsets, peak_of(numbers), scale=factor)


def patches(x: Tensor, kernel: Sequence[int], g: Geometry, factor: float = 1.0) -> tuple[Lines, list[int]]:
    """Return what each result of a convolution of x (n, C, *d) sees, and the sizes of the result in space.

    Numbers are in order of channels, and within one of the kernel; of all groups; each times a power of two.
    """
    padded, peak = _channels_last(x, g.pad, x.shape[1], factor)
    starts, offsets, sizes = _walk(padded.shape, kernel, g)
    order = (np.arange(x.shape[1])[:, None] + offsets).reshape(-1)
    return Lines(padded.reshape(-1), starts, order, peak, scale=factor), sizes


def channel_patches(x: Tensor, kernel: Sequence[int], g: Geometry, factor: float = 1.0) -> tuple[Lines, list[int]]:
    """Return what each result of a convolution of single channels sees; channels are filled up to `COLUMNS`."""
    padded, peak = _channels_last(x, g.pad, -(-x.shape[1] // COLUMNS) * COLUMNS, factor)
    starts, offsets, sizes = _walk(padded.shape, kernel, g)
    return Lines(padded.reshape(-1), starts, offsets, peak, by_channel=True, scale=factor), sizes


def around(pads: Sequence[int]) -> list[int]:
    """Return the zeros before and after each axis of space as PyTorch's `pad` takes them: the last axis first."""
    return [size for sides in reversed(pads) for size in (sides, sides)]


def _channels_last(x: Tensor, pads: Sequence[int], channels: int, factor: float) -> tuple[Tensor, float]:
    """Return x (n, C, *d) with zeros around as contiguous (n, *d, channels) of fp32, and its greatest magnitude."""
    if uses_kernels(x.device) and x.dtype is torch.float32 and len(pads) <= MOST_AXES:
        from mlparity.engine.numerics.kernels import layout

        return layout.channels_last(x, pads, channels, factor)
    padded = F.pad(x.detach().float() * factor, [*around(pads), 0, channels - x.shape[1]]).movedim(1, -1).contiguous()
    return padded, peak_of(padded)


def peak_of(x: Tensor) -> float:
    """Return the largest magnitude, NaN where there is one."""
    low, high = x.aminmax() if x.numel() else (0.0, 0.0)
    return max(-float(low), float(high))


def _walk(shape: Sequence[int], kernel: Sequence[int], g: Geometry) -> tuple[Offsets, Offsets, list[int]]:
    """Return where each result's patch starts in x (n, *d, C), and where in it each number of the kernel is."""
    axes = range(len(kernel))
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    sizes = [(shape[1 + axis] - (kernel[axis] - 1) * g.dilations[axis] - 1) // g.strides[axis] + 1 for axis in axes]
    steps = [strides[0], *(strides[1 + axis] * g.strides[axis] for axis in axes)]
    starts = sums_of([(shape[0], steps[0]), *zip(sizes, steps[1:], strict=True)])
    offsets = sums_of([(kernel[axis], strides[1 + axis] * g.dilations[axis]) for axis in axes])
    return starts, offsets, sizes


def sums_of(axes: Sequence[tuple[int, int]]) -> Offsets:
    """Return all sums of one multiple of each step: `axes` are counts and steps, the last runs fastest."""
    total = np.zeros(1, np.int64)
    for count, step in axes:
        total = (total[:, None] + np.arange(count) * step).reshape(-1)
    return total

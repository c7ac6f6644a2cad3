"""A convolution with one kernel for each channel, by our own kernel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from mlparity.engine.numerics.lines import COLUMNS
from mlparity.engine.ops.windows import Sides, extents, sides
from mlparity.engine.runtime.optimised.packed import Follows, PackedOnce, Scratch

LEAST_PRODUCTS = 2**17
"""Multiplications from which a second thread gains more than it costs (measured on x86, 2 cores)."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the kernels of a convolution of two axes go.

    `around` is the padding for inputs of `size`; where that is None, for any. Other sizes have it by `pad_type`.
    """

    around: Sides = ((0, 0), (0, 0))
    strides: tuple[int, ...] = (1, 1)
    dilations: tuple[int, ...] = (1, 1)
    groups: int = 1
    spans: tuple[int, ...] = (1, 1)
    pad_type: str = "custom"
    size: tuple[int, ...] | None = None

    def around_of(self, x: Tensor) -> Sides:
        """Return the padding of `x`, which may have another size than its file declares."""
        if self.size is None or self.size == x.shape[2:]:
            return self.around
        return sides(self.pad_type, None, x.shape[2:], self.spans, self.strides)


@dataclass(frozen=True, slots=True, eq=False)
class PackedDepthwise:
    """A depthwise convolution; values move through it in channels-last order."""

    weights: PackedOnce
    bias: Tensor
    taps: tuple[int, ...]
    spans: tuple[int, ...]
    geometry: Geometry
    follows: Follows = field(default_factory=Follows)
    limits: Tensor = field(default_factory=lambda: Follows().tensor())
    can_round: bool = True
    reads: tuple[str, ...] = ("x",)

    def followed_by(self, follows: Follows) -> PackedDepthwise:
        """Return the same convolution with something else after its sums."""
        return replace(self, follows=follows, limits=follows.tensor())

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of `x`, (n, channels, height, width) in fp32.

        Raises:
            ValueError: `x` has another rank, number of channels or type, or is smaller than the kernel.
        """
        channels = self.geometry.groups
        if x.ndim != 4 or x.shape[1] != channels or x.dtype is not torch.float32:
            raise ValueError(f"x is {x.dtype} {list(x.shape)}, the weights take {channels} channels of fp32")
        around = self.geometry.around_of(x)
        high, wide = self._size(x, around)
        seen, weights = x.contiguous(memory_format=torch.channels_last), self.weights()
        out = torch.empty((x.shape[0], channels, high, wide), dtype=torch.float32, memory_format=torch.channels_last)
        rows = x.shape[0] * high
        threads = torch.get_num_threads() if out.numel() * self.taps[0] * self.taps[1] >= LEAST_PRODUCTS else 1
        geometry, ((top, _), (left, _)) = self.geometry, around
        _kernels().convolve(
            *(threads, rows, seen.data_ptr(), *x.shape[2:], channels, out.data_ptr(), high, wide),
            *(weights.data_ptr(), *self.taps, *geometry.strides, *geometry.dilations, top, left),
            *(self.bias.data_ptr(), self.limits.data_ptr(), self.follows.rounds),
        )
        return out

    def _size(self, x: Tensor, around: Sides) -> tuple[int, int]:
        (top, bottom), (left, right) = around
        (span_y, span_x), (step_y, step_x) = self.spans, self.geometry.strides
        high = (x.shape[2] + top + bottom - span_y) // step_y + 1
        wide = (x.shape[3] + left + right - span_x) // step_x + 1
        if high < 1 or wide < 1:
            raise ValueError(f"x has shape {list(x.shape)}, the kernel spans {[span_y, span_x]}")
        return high, wide


def fits(weight: Tensor, geometry: Geometry) -> bool:
    """Return whether a weight (channels, 1, height, width) has one kernel a channel, and enough of them."""
    return geometry.groups == weight.shape[0] >= COLUMNS and weight.shape[1] == 1


def packed_depthwise(weight: Tensor, bias: Tensor | None, geometry: Geometry, scratch: Scratch) -> PackedDepthwise:
    """Return the convolution with weights that `fits`, to be packed as it is first used."""
    offsets = torch.zeros(weight.shape[0]) if bias is None else bias
    taps = tuple(weight.shape[2:])
    spans = extents(taps, geometry.dilations)
    return PackedDepthwise(PackedOnce(_by_taps, (weight, scratch)), _in_blocks(offsets[:, None]), taps, spans, geometry)


def _by_taps(wide: Tensor) -> Tensor:
    return _in_blocks(wide.flatten(1))


def _in_blocks(numbers: Tensor) -> Tensor:
    """Return numbers (channels, taps) as (blocks, taps, 16), the last block of the last sixteen channels."""
    channels = numbers.shape[0]
    starts = [min(start, channels - COLUMNS) for start in range(0, channels, COLUMNS)]
    return torch.stack([numbers[start : start + COLUMNS].T for start in starts]).contiguous()


@cache
def _kernels() -> Any:
    """Return the compiled kernels; loaded late, for loading a model needs none of them."""
    from mlparity.engine.numerics.kernels import fp32_depthwise

    return fp32_depthwise

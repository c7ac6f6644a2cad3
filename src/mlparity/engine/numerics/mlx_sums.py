"""The orders in which MLX sums products on a GPU: evidence of the hardware, and no claim of Core ML's kernels.

Source: https://github.com/ml-explore/mlx/tree/main/mlx/backend/metal (matmul.cpp, conv.cpp and the kernels of steel and
gemv), as of 2026; tests/evidence holds them to the published errors of M1 to M5.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from mlparity.engine.numerics import mlx_winograd
from mlparity.engine.numerics.lines import Lines, patches
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.tf32 import cut_to_tf32
from mlparity.engine.numerics.wide_sums import SequentialFp32, in_order, in_sixteens, plus

STEP = 16
"""Channels that a convolution takes before it goes on to the next position of its kernel."""

LEAST_PARTS, MOST_PARTS = 2, 32


@dataclass(frozen=True, slots=True)
class MlxSums(SequentialFp32):
    """MLX's products of values of one type, `half` or fp32.

    A matrix of results with no more than `few_tiles` tiles of 16 by 16, and no longer than the sums, is summed in
    parts. `tensor_units` are those of M5: matrix products go in by sixteen, and fp32 values lose 13 places before.
    """

    few_tiles: int = 1024
    tensor_units: bool = False
    half: bool = True

    def sums(self, lines: Lines, weight: Tensor, bias: Tensor | None, product: int = 0) -> Tensor:  # noqa: ARG002  # nothing is kept
        """Return the lines times the transpose of weight (N, K), plus bias (N)."""
        x = lines.dense()
        if x.shape[0] == 1:
            return plus(_in_lanes(x, weight), bias)
        cuts = self._cuts(x.shape[0], *weight.shape)
        total = torch.zeros(())
        for start, end in pairwise(cuts):
            total = total + self._product(x[:, start:end], weight[:, start:end])
        return plus(total, bias)

    def conv(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution, transformed where MLX does so, else one product after the other.

        Sixteen channels of one position of the kernel come first, then the next position, then the next sixteen
        channels; where channels are no multiple of sixteen, all of one position come first.
        """
        if mlx_winograd.is_chosen(x, weight, geometry):
            found = mlx_winograd.convolved(x, weight, geometry.pad, self._product, self._store)
            return found if bias is None else found + bias.reshape(-1, 1, 1)
        seen, size = patches(x, weight.shape[2:], geometry)
        into = weight.shape[1]
        lines = seen.dense().reshape(-1, geometry.groups, into, weight[0, 0].numel())
        parts = [
            in_order(_placed(lines[:, group]), _placed(kernel.flatten(2)))
            for group, kernel in enumerate(weight.chunk(geometry.groups))
        ]
        found = plus(torch.cat(parts, 1), bias)
        return found.reshape(x.shape[0], *size, -1).movedim(-1, 1)

    def _cuts(self, rows: int, columns: int, length: int) -> list[int]:
        """Return where a sum is cut into parts that are added in their order: 0, the cuts and the length."""
        if self.tensor_units:
            return [*range(0, length, max(1, _tensor_part(rows, columns, length))), length]
        tiles = -(-rows // STEP) * -(-columns // STEP)
        if tiles > self.few_tiles or length < 8 * STEP or length < max(rows, columns):
            return [0, length]
        wanted = length // STEP // (-(-rows // 32) * -(-columns // 32))
        parts = min(max(LEAST_PARTS, 1 << max(wanted - 1, 0).bit_length()), MOST_PARTS)
        size = length // STEP // parts * STEP
        return [*(size * part for part in range(parts)), length]

    def _product(self, x: Tensor, weight: Tensor) -> Tensor:
        if not self.tensor_units:
            return in_order(x, weight)
        return in_sixteens(x, weight) if self.half else in_sixteens(cut_to_tf32(x), cut_to_tf32(weight))

    def _store(self, x: Tensor) -> Tensor:
        return x.to(torch.float16).to(torch.float32) if self.half else x


def _tensor_part(rows: int, columns: int, length: int) -> int:
    """Return how long a part of the sum is on tensor units: all of it but for long sums of small results."""
    widest = max(rows, columns)
    if length < 3 * widest and not (widest <= 1024 and length > 2 * widest):
        return length
    if length <= 1024:
        return length // 2
    return next((half for whole, half in ((2048, 1024), (4096, 2048)) if length <= whole), 4096)


def _in_lanes(x: Tensor, weight: Tensor) -> Tensor:
    """Return x (1, K) times the transpose of weight (N, K): four products go to each lane in turn.

    The lanes are added by halves at the end.
    """
    length, lanes = x.shape[1], 4 if x.shape[1] >= 8192 and weight.shape[0] >= 2048 else 8
    owner = torch.arange(length) // 4 % lanes
    sums = [in_order(x[:, owner == lane], weight[:, owner == lane]) for lane in range(lanes)]
    while len(sums) > 1:
        half = len(sums) // 2
        sums = [one + other for one, other in zip(sums[:half], sums[half:], strict=True)]
    return sums[0]


def _placed(lines: Tensor) -> Tensor:
    """Return lines (M, C, positions) as (M, C * positions) in the order that a convolution sums in."""
    count, into, positions = lines.shape
    step = STEP if into % STEP == 0 else into
    return lines.reshape(count, -1, step, positions).transpose(2, 3).reshape(count, -1)

"""MLX's Winograd F(6, 3) in both directions: 36 results of a 3 by 3 kernel from 64 products instead of 324.

The transforms run in fp32; inputs, kernels and products are stored in the type of the values. In fp16 this loses
twenty times what a direct convolution does. Source: https://github.com/ml-explore/mlx (kernels/conv.metal, its
matrices; conv.cpp, when it is chosen), and tests/evidence: conv3x3 on the GPU from 128 channels on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.numerics.accumulators import is_dense_3x3
from mlparity.engine.numerics.products import Geometry, Products
from mlparity.engine.numerics.wide_sums import in_order

SIZE, RESULTS = 8, 6
POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Where the polynomials are evaluated; the eighth point is infinity."""

_KERNEL = torch.tensor(
    [
        [1, 0, 0],
        [-2 / 9, -2 / 9, -2 / 9],
        [-2 / 9, 2 / 9, -2 / 9],
        [1 / 90, 1 / 45, 2 / 45],
        [1 / 90, -1 / 45, 2 / 45],
        [32 / 45, 16 / 45, 8 / 45],
        [32 / 45, -16 / 45, 8 / 45],
        [0, 0, 1],
    ]
)
_INPUT = torch.tensor(
    [
        [1, 0, -5.25, 0, 5.25, 0, -1, 0],
        [0, 1, 1, -4.25, -4.25, 1, 1, 0],
        [0, -1, 1, 4.25, -4.25, -1, 1, 0],
        [0, 0.5, 0.25, -2.5, -1.25, 2, 1, 0],
        [0, -0.5, 0.25, 2.5, -1.25, -2, 1, 0],
        [0, 2, 4, -2.5, -5, 0.5, 1, 0],
        [0, -2, 4, 2.5, -5, -0.5, 1, 0],
        [0, -1, 0, 5.25, 0, -5.25, 0, 1],
    ]
)
_OUTPUT = torch.tensor([[*(p**i for p in POINTS), float(i == RESULTS - 1)] for i in range(RESULTS)])

Multiply = Callable[[Tensor, Tensor], Tensor]
Store = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class WinogradFp16(Products):
    """PyTorch's sums, but for dense 3 by 3 convolutions of any size: transformed, with their parts stored in fp16."""

    plain = False

    def conv(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution."""
        if x.ndim != 4 or not is_dense_3x3(weight, geometry):
            return Products.conv(self, x, weight, bias, geometry)
        found = convolved(x, weight, geometry.pad, F.linear, lambda values: values.half().to(values.dtype))
        return found if bias is None else found + bias.reshape(-1, 1, 1)


def is_chosen(x: Tensor, weight: Tensor, geometry: Geometry) -> bool:
    """Return whether MLX transforms a convolution: 3 by 3 in one group, large, with many channels.

    Source: https://github.com/ml-explore/mlx/blob/main/mlx/backend/metal/conv.cpp (read at commit 853e5479).
    """
    out, into = weight.shape[:2]
    has_channels = into % 32 == 0 and out % 32 == 0 and into + out >= 256
    return is_dense_3x3(weight, geometry) and has_channels and x.shape[0] * x.shape[2] * x.shape[3] >= 4096


def convolved(x: Tensor, weight: Tensor, pad: tuple[int, ...], multiply: Multiply, store: Store) -> Tensor:
    """Return the convolution of x (n, C, H, W) and weight (O, C, 3, 3).

    `multiply` takes (M, K) and (N, K) to (M, N), `store` rounds to the type of the values.
    """
    high, wide = (size + 2 * added - 2 for size, added in zip(x.shape[2:], pad, strict=True))
    seen = _tiles(x, pad, (high, wide))
    tiles = seen.shape[2:5]
    inputs = store(_both(_INPUT, seen)).reshape(SIZE**2, -1, x.shape[1])
    kernels = store(_both(_KERNEL, weight.permute(2, 3, 0, 1))).reshape(SIZE**2, *weight.shape[:2])
    products = torch.stack([store(multiply(v, u)) for v, u in zip(inputs, kernels, strict=True)])
    results = _both(_OUTPUT, products.reshape(SIZE, SIZE, *tiles, -1), last_first=True)
    ordered = results.permute(2, 5, 3, 0, 4, 1)
    return ordered.reshape(x.shape[0], -1, tiles[1] * RESULTS, tiles[2] * RESULTS)[..., :high, :wide]


def _tiles(x: Tensor, pad: tuple[int, ...], sizes: tuple[int, int]) -> Tensor:
    """Return 8 by 8 tiles that lie 6 apart: (8, 8, n, down, across, C)."""
    behind = [added + -size % RESULTS for added, size in zip(pad, sizes, strict=True)]
    padded = F.pad(x, (pad[1], behind[1], pad[0], behind[0]))
    return padded.unfold(2, SIZE, RESULTS).unfold(3, SIZE, RESULTS).permute(4, 5, 0, 2, 3, 1)


def _both(matrix: Tensor, x: Tensor, *, last_first: bool = False) -> Tensor:
    """Return matrix times x (q, q, ...) times the matrix's transpose, each sum in fp32 and in order."""
    axes = (1, 0) if last_first else (0, 1)
    for axis in axes:
        moved = x.movedim(axis, 0)
        x = in_order(matrix, moved.reshape(moved.shape[0], -1).T).reshape(-1, *moved.shape[1:]).movedim(0, axis)
    return x

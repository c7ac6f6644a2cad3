"""Winograd's F(2, 3) along the width: two results of a 3-wide kernel from four products instead of six.

Source: tests/evidence, the rows of M5 and M6 in gemm_conv_sweep.csv ("Winograd active"). Inputs and kernels are
transformed exactly and rounded once, half away from zero; the products and their sums stay in the accumulator.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.rounding import half_away, half_away_wide
from mlparity.engine.numerics.switch import uses_kernels

WALK = Geometry((1, 1), (0, 0), (1, 1), 1)
"""How the transformed convolutions go over the transformed inputs."""


def transformed(x: Tensor, geometry: Geometry) -> Tensor:
    """Return the four differences of the inputs x (n, C, H, W), one behind the other: (n, 4 C, H + 2 pad, columns).

    The even columns of the results see the first 3 C of them, the odd ones the last.
    """
    high, wide = geometry.pad
    if uses_kernels(x.device) and x.dtype is torch.float32:
        from mlparity.engine.numerics.kernels import winograd

        return winograd.transformed(x, high, wide)
    columns = x.shape[-1] + 2 * wide - 2
    padded = F.pad(x, (wide, wide + columns % 2, high, high))
    d = padded.unfold(-1, 4, 2).unbind(-1)
    return torch.cat([half_away(value) for value in (d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3])], 1)


def transformed_kernels(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return the kernels (O, C, 3, 3) for the even and for the odd columns: (O, 3 C, 3, 1)."""
    g = weight.double().unbind(-1)
    u = [half_away_wide(value) for value in (g[0], (g[0] + g[1] + g[2]) / 2, (g[0] - g[1] + g[2]) / 2, g[2])]
    return torch.cat(u[:3], 1).unsqueeze(-1), torch.cat((u[1], -u[2], -u[3]), 1).unsqueeze(-1)


def untransformed(even: Tensor, odd: Tensor, columns: int) -> Tensor:
    """Return the results in their order: (n, O, H, columns)."""
    return torch.stack((even, odd), -1).flatten(-2)[..., :columns]

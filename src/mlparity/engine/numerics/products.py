"""Sums of products as PyTorch computes them: what `Numerics.products` offers to the ops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

MOST_AXES = 3
"""Axes of space that a convolution has at most."""

_FORWARD: Mapping[int, Callable[..., Tensor]] = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}
_TRANSPOSED: Mapping[int, Callable[..., Tensor]] = {3: F.conv_transpose1d, 4: F.conv_transpose2d, 5: F.conv_transpose3d}


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a convolution walks over its input: one number an axis of space, and the groups of channels.

    `pad` is added before and after each axis.
    """

    strides: tuple[int, ...]
    pad: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int


@dataclass(frozen=True, slots=True)
class Products:
    """Sums of products in the storage dtype, in whatever order is fastest; subclasses sum as a unit does.

    `plain` says that these are PyTorch's own sums, which an optimised step may stand in for; `rounds` that each result
    comes rounded, so that nothing is left for a store.
    """

    plain = True
    rounds = False

    def conv(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution of x (n, C, *d), weight (O, C / groups, *k) and bias (O)."""
        run = _FORWARD[x.ndim]
        return run(x, weight, bias, geometry.strides, geometry.pad, geometry.dilations, geometry.groups)

    def conv_transpose(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry, lacking: Sequence[int]
    ) -> Tensor:
        """Return the transposed convolution of x (n, C, *d), weight (C, O / groups, *k) and bias (O).

        `geometry.pad` is cut off the full result on both sides of an axis, `lacking` is added behind.
        """
        run, g = _TRANSPOSED[x.ndim], geometry
        return run(x, weight, bias, g.strides, g.pad, lacking, g.groups, g.dilations)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return x (*d, in) times the transpose of weight (out, in), plus bias (out)."""
        return F.linear(x, weight, bias)

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the product of the innermost matrices, as torch.matmul."""
        return torch.matmul(x, y)

    def einsum(self, equation: str, values: Sequence[Tensor]) -> Tensor:
        """Return the product that `equation` writes in Einstein's notation."""
        return torch.einsum(equation, *values)

    def attention(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Return softmax(query key^T / sqrt(E) + mask) value."""
        return F.scaled_dot_product_attention(query, key, value, mask)


PLAIN = Products()

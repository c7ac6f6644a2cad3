"""A transposed convolution as plain ones: results that lie a stride apart see the same part of the kernel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.numerics.products import Geometry


@dataclass(frozen=True, slots=True)
class Along:
    """What the results at `first`, `first` + stride and so on see along one axis.

    The kernel's numbers from `tap` on, every `apart`, are used, `taps` of them; they lie on inputs `dilation` from each
    other, the first of them, for the first result, at `begin`, which may lie outside. `count` are the results.
    """

    first: int
    count: int
    tap: int
    apart: int
    taps: int
    dilation: int
    begin: int

    @property
    def span(self) -> int:
        """The inputs that all the results see together."""
        return self.count + (self.taps - 1) * self.dilation


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a transposed convolution: the sizes of input and kernel, and its geometry."""

    size: int
    kernel: int
    stride: int
    pad: int
    dilation: int
    lacking: int

    @property
    def result(self) -> int:
        """The size of the result."""
        whole = (self.size - 1) * self.stride + (self.kernel - 1) * self.dilation + 1
        return whole - 2 * self.pad + self.lacking

    def parts(self) -> Iterator[Along]:
        """Yield the parts of the results, one for each place within a stride."""
        common = math.gcd(self.dilation, self.stride)
        apart = self.stride // common
        for first in range(min(self.stride, self.result)):
            taps = [k for k in range(apart) if (first + self.pad - k * self.dilation) % self.stride == 0]
            tap = taps[0] if taps else self.kernel
            count, number = -(-(self.result - first) // self.stride), len(range(tap, self.kernel, apart))
            dilation = self.dilation // common
            nearest = (first + self.pad - tap * self.dilation) // self.stride
            yield Along(first, count, tap, apart, number, dilation, nearest - (number - 1) * dilation)


def axes_of(x: Tensor, weight: Tensor, geometry: Geometry, lacking: Sequence[int]) -> list[Axis]:
    """Return the axes of a transposed convolution of x (n, C, *d) with weight (C, N, *k)."""
    sizes = zip(x.shape[2:], weight.shape[2:], geometry.strides, geometry.pad, geometry.dilations, lacking, strict=True)
    return [Axis(*each) for each in sizes]


def parts_of(axes: Sequence[Axis]) -> Iterator[tuple[Along, ...]]:
    """Yield the parts of the results along all axes."""
    return product(*(tuple(axis.parts()) for axis in axes))


def seen(x: Tensor, part: Sequence[Along]) -> Tensor:
    """Return the inputs that a part sees, zeros where it reaches outside."""
    ends = [(-along.begin, along.begin + along.span - size) for along, size in zip(part, x.shape[2:], strict=True)]
    return F.pad(x, [end for pair in reversed(ends) for end in pair])


def kernel_of(turned: Tensor, part: Sequence[Along]) -> Tensor:
    """Return a part's numbers of a kernel (N, C, *k), in the order of the inputs that they lie on."""
    used = turned[(slice(None), slice(None), *(slice(along.tap, None, along.apart) for along in part))]
    return used.flip(*range(2, used.ndim))

"""A convolution of two axes with packed weights: by our own kernels where they have one for it, else by oneDNN's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from mlparity.engine.ops.windows import Sides, extents, padded, sides, spread, symmetric
from mlparity.engine.runtime.optimised.depthwise import Geometry, fits, packed_depthwise
from mlparity.engine.runtime.optimised.matrix import PackedMatrix, packed_matrix
from mlparity.engine.runtime.optimised.packed import Follows, PackedStep, Weights
from mlparity.engine.runtime.plan import Step


@dataclass(frozen=True, slots=True)
class PackedConvolution:
    """A convolution by oneDNN; values move through it in channels-last order.

    Limits come after it: oneDNN's own make 0 of NaN.
    """

    weight: Tensor
    bias: Tensor | None
    geometry: Geometry
    channels: int
    follows: Follows = field(default_factory=Follows)
    can_round: bool = False
    reads: tuple[str, ...] = ("x",)

    def followed_by(self, follows: Follows) -> PackedConvolution:
        """Return the same convolution with other limits."""
        return replace(self, follows=follows)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of `x`, (n, channels, height, width).

        Raises:
            ValueError: `x` has another rank, number of channels or type; oneDNN itself would read past the end, and
                cut numbers of other types to whole ones.
        """
        if x.ndim != 4 or x.shape[1] != self.channels or x.dtype is not torch.float32:
            raise ValueError(f"x is {x.dtype} {list(x.shape)}, the weights take {self.channels} channels of fp32")
        around, geometry = self.geometry.around_of(x), self.geometry
        pad = symmetric(around)
        if pad is None:
            x, pad = padded(x, around), (0, 0)
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x.contiguous(memory_format=torch.channels_last),
            self.weight,
            self.bias,
            pad,
            geometry.strides,
            geometry.dilations,
            geometry.groups,
            "none",
            [],
            "",
        )
        return self.follows.after(result)


@dataclass(frozen=True, slots=True)
class PackedPointwise:
    """A convolution with a kernel of one position, as a product of channels with a packed matrix."""

    matrix: PackedMatrix
    can_round: bool = True
    reads: tuple[str, ...] = ("x",)

    def followed_by(self, follows: Follows) -> PackedPointwise:
        """Return the same convolution with something else after its sums."""
        return PackedPointwise(self.matrix.followed_by(follows))

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of `x`, (n, channels, height, width), in channels-last order.

        Raises:
            ValueError: `x` has another rank, number of channels or type.
        """
        matrix = self.matrix
        if x.ndim != 4 or x.shape[1] != matrix.length or x.dtype is not torch.float32:
            raise ValueError(f"x is {x.dtype} {list(x.shape)}, the weights take {matrix.length} channels of fp32")
        images, _, high, wide = x.shape
        size = (images, matrix.columns, high, wide)
        out = torch.empty(size, dtype=torch.float32, memory_format=torch.channels_last)
        matrix.fill(out, x.contiguous(memory_format=torch.channels_last))
        return out


NONE = ((0, 0), (0, 0))
POINTWISE = (NONE, (1, 1), 1)
"""The padding, strides and groups of a convolution that is a product of channels."""


def _is_finite(weight: Tensor) -> bool:
    return math.isfinite(sum(float(bound) for bound in weight.float().aminmax()))


def packed_convolution(step: Step, weights: Weights) -> PackedStep | None:
    """Return an optimised convolution, packed for the size of its input where it is known; None where there is none."""
    fed = weights.fed(step)
    if fed is None or fed[0].ndim != 4:
        return None
    weight, bias = fed
    size = weights.size(step)
    try:
        geometry = _geometry(step, weight, size)
    except ValueError:
        return None  # parameters for another number of axes: the plain op says so
    if geometry is None or weight.shape[0] % geometry.groups:
        return None
    if bias is not None and bias.shape != weight.shape[:1]:
        return None
    if weight.shape[2:] == (1, 1) and (geometry.around, geometry.strides, geometry.groups) == POINTWISE:
        return PackedPointwise(packed_matrix(weight.flatten(1), bias, weights.scratch))
    if (geometry.size is not None or geometry.around != NONE) and not _is_finite(weight):
        return None  # PyTorch multiplies some paddings, by its choice of a kernel: zero times infinity is NaN
    if fits(weight, geometry):
        return packed_depthwise(weight, bias, geometry, weights.scratch)
    return _by_onednn(weights.scratch.wide(weight), bias, geometry, size)


def _by_onednn(
    weight: Tensor, bias: Tensor | None, geometry: Geometry, size: tuple[int, ...] | None
) -> PackedConvolution | None:
    pad = symmetric(geometry.around)
    if pad is None or not torch._C._has_mkldnn or not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return None
    strides, dilations, groups = geometry.strides, geometry.dilations, geometry.groups
    reorder = torch._C._nn.mkldnn_reorder_conv2d_weight
    try:
        # torch's type stubs lack the last parameter, the size of the input.
        packed = reorder(  # type: ignore[call-arg]
            weight.to_mkldnn(), list(pad), list(strides), list(dilations), groups, None if size is None else list(size)
        )
    except RuntimeError:
        return None  # oneDNN has no kernel for this; the plain op runs, or says what is wrong
    return PackedConvolution(packed, bias, geometry, weight.shape[1] * groups)


def _geometry(step: Step, weight: Tensor, size: tuple[int, ...] | None) -> Geometry | None:
    """Return where the kernels go; None where that depends on a size that is not known, or makes no sense."""
    known = step.constants
    strides, dilations = spread(_ints(known, "strides"), 2), spread(_ints(known, "dilations"), 2)
    pad_type = str(known.get("pad_type", "valid"))
    if min(*strides, *dilations) < 1:
        return None
    by_size = pad_type.lower() not in ("valid", "custom")
    if by_size and (size is None or len(size) != 4):
        return None
    spans = extents(weight.shape[2:], dilations)
    around: Sides = sides(pad_type, _ints(known, "pad"), (1, 1) if size is None else size[2:], spans, strides)
    groups = known.get("groups", 1)
    # A truth value is an int to Python, and none to oneDNN: the plain op says so.
    if not isinstance(groups, int) or isinstance(groups, bool) or weight.numel() == 0:
        return None
    if min(*(size for pair in around for size in pair), groups - 1, *(span - 1 for span in spans)) < 0:
        return None
    seen = size[2:] if by_size and size is not None else None
    return Geometry(around, strides, dilations, groups, spans, pad_type, seen)


def _ints(known: Mapping[str, object], name: str) -> tuple[int, ...] | None:
    """Return a parameter's numbers, None where it is not given.

    Raises:
        ValueError: it holds something else: a file may declare another rank.
    """
    value = known.get(name)
    if not isinstance(value, tuple):
        return None
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in value):
        raise ValueError(f"{name} is {value}, not whole numbers")
    return tuple(int(number) for number in value)

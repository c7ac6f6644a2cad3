"""A convolution of two axes with packed weights: by our own kernels where they have one for it, else by oneDNN's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mlparity.engine.mil.program import ValueType
from mlparity.engine.ops.windows import Sides, extents, sides, spread, symmetric
from mlparity.engine.runtime.plan import Step
from mlparity.engine.runtime.twins.depthwise import Geometry, fits, packed_depthwise
from mlparity.engine.runtime.twins.matrix import PackedMatrix, packed_matrix
from mlparity.engine.runtime.twins.packed import ANY, Follows, Limits, Packed, Weights, size_of


@dataclass(frozen=True, slots=True)
class PackedConvolution:
    """A convolution by oneDNN; values move through it in channels-last order."""

    weight: Tensor
    bias: Tensor | None
    pad: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int
    channels: int
    limits: Limits = ANY
    can_round: bool = False
    reads: tuple[str, ...] = ("x",)

    def followed_by(self, follows: Follows) -> PackedConvolution:
        """Return the same convolution with other limits."""
        return replace(self, limits=follows.limits)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of `x`, (n, channels, height, width).

        Raises:
            ValueError: `x` has another rank or number of channels; oneDNN itself would read past the end.
        """
        if x.ndim != 4 or x.shape[1] != self.channels:
            raise ValueError(f"x has shape {list(x.shape)}, the weights take {self.channels} channels")
        name, numbers = _activation(self.limits)
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x.contiguous(memory_format=torch.channels_last),
            self.weight,
            self.bias,
            self.pad,
            self.strides,
            self.dilations,
            self.groups,
            name,
            numbers,
            "",
        )
        return result


def _activation(limits: Limits) -> tuple[str, list[float]]:
    """Return oneDNN's name for limits, and its numbers.

    Source: torch 2.13, `torch/_inductor/fx_passes/mkldnn_fusion.py`.
    """
    if limits == ANY:
        return "none", []
    return ("relu", []) if limits == (0.0, math.inf) else ("hardtanh", list(limits))


@dataclass(frozen=True, slots=True)
class PackedPointwise:
    """A convolution of single places, as a product of channels with a packed matrix."""

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


def packed_convolution(step: Step, weights: Weights, declared: Mapping[int, ValueType]) -> Packed | None:
    """Return the twin of a convolution, packed for the size of its input where it is known; None where it has none."""
    fed = weights.fed(step)
    if fed is None or fed[0].ndim != 4:
        return None
    weight, bias = fed
    size = size_of(step, declared)
    try:
        geometry = _geometry(step, weight, size)
    except ValueError:
        return None  # parameters for another number of axes: the plain op says so
    if geometry is None or weight.shape[0] % geometry.groups:
        return None
    if bias is not None and bias.shape != weight.shape[:1]:
        return None
    if weight.shape[2:] == (1, 1) and geometry == Geometry():
        return PackedPointwise(packed_matrix(weight.flatten(1), bias, weights.scratch))
    if fits(weight, geometry):
        return packed_depthwise(weight, bias, geometry, weights.scratch)
    return _by_onednn(weights.scratch.wide(weight), bias, geometry, size)


def _by_onednn(weight: Tensor, bias: Tensor | None, geometry: Geometry, size: list[int] | None) -> Packed | None:
    pad = symmetric(geometry.around)
    if pad is None or not torch._C._has_mkldnn or not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return None
    strides, dilations, groups = geometry.strides, geometry.dilations, geometry.groups
    reorder = torch._C._nn.mkldnn_reorder_conv2d_weight
    try:
        # torch's type stubs lack the last parameter, the size of the input.
        packed = reorder(  # type: ignore[call-arg]
            weight.to_mkldnn(), list(pad), list(strides), list(dilations), groups, size
        )
    except RuntimeError:
        return None  # oneDNN has no kernel for this; the plain op runs, or says what is wrong
    return PackedConvolution(packed, bias, pad, strides, dilations, groups, weight.shape[1] * groups)


def _geometry(step: Step, weight: Tensor, size: list[int] | None) -> Geometry | None:
    """Return where the kernels go; None where that depends on a size that is not known, or makes no sense."""
    known = step.constants
    strides, dilations = spread(_ints(known, "strides"), 2), spread(_ints(known, "dilations"), 2)
    pad_type = str(known.get("pad_type", "valid"))
    if min(*strides, *dilations) < 1:
        return None
    if pad_type.lower() not in ("valid", "custom") and (size is None or len(size) != 4):
        return None
    spans = extents(weight.shape[2:], dilations)
    around: Sides = sides(pad_type, _ints(known, "pad"), (1, 1) if size is None else size[2:], spans, strides)
    groups = known.get("groups", 1)
    # A truth value is an int to Python, and none to oneDNN: the plain op says so.
    if not isinstance(groups, int) or isinstance(groups, bool) or weight.numel() == 0:
        return None
    if min(*(each for side in around for each in side), groups - 1, *(each - 1 for each in spans)) < 0:
        return None
    return Geometry(around, strides, dilations, groups)


def _ints(known: Mapping[str, object], name: str) -> tuple[int, ...] | None:
    """Return a parameter's numbers, None where it is not given.

    Raises:
        ValueError: it holds something else: a file may declare another rank.
    """
    value = known.get(name)
    if not isinstance(value, tuple):
        return None
    if not all(isinstance(each, int) for each in value):
        raise ValueError(f"{name} is {value}, not whole numbers")
    return tuple(int(each) for each in value)

"""oneDNN's convolution of two axes, with weights packed once and the activation that follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mlparity.engine.mil.program import ValueType
from mlparity.engine.ops.windows import extents, sides, spread, symmetric
from mlparity.engine.runtime.packed import NO_ACTIVATION, Twin, Weights, size_of
from mlparity.engine.runtime.plan import Step


@dataclass(frozen=True, slots=True)
class PackedConvolution:
    """A convolution with packed weights; values move through it in channels-last order."""

    weight: Tensor
    bias: Tensor | None
    pad: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int
    channels: int
    activation: Twin = NO_ACTIVATION

    def followed_by(self, activation: Twin) -> PackedConvolution:
        """Return the same convolution with an activation."""
        return replace(self, activation=activation)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of `x`, (n, channels, height, width).

        Raises:
            ValueError: `x` has another rank or number of channels; oneDNN itself would read past the end.
        """
        if x.ndim != 4 or x.shape[1] != self.channels:
            raise ValueError(f"x has shape {list(x.shape)}, the weights take {self.channels} channels")
        name, numbers = self.activation
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x.contiguous(memory_format=torch.channels_last),
            self.weight,
            self.bias,
            self.pad,
            self.strides,
            self.dilations,
            self.groups,
            name,
            list(numbers),
            "",
        )
        return result


@dataclass(frozen=True, slots=True)
class PackedPointwise:
    """A convolution of single places, as a product of channels with a packed matrix: a cheaper call, the same sums."""

    weight: Tensor
    bias: Tensor | None
    channels: int
    activation: Twin = NO_ACTIVATION

    def followed_by(self, activation: Twin) -> PackedPointwise:
        """Return the same convolution with an activation."""
        return replace(self, activation=activation)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of `x`, (n, channels, height, width), in channels-last order.

        Raises:
            ValueError: `x` has another rank or number of channels.
        """
        if x.ndim != 4 or x.shape[1] != self.channels:
            raise ValueError(f"x has shape {list(x.shape)}, the weights take {self.channels} channels")
        name, numbers = self.activation
        rows = x.movedim(1, -1)
        result: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, name, numbers, "")
        return result.movedim(-1, 1)


def packed_convolution(
    step: Step, weights: Weights, declared: Mapping[int, ValueType]
) -> PackedConvolution | PackedPointwise | None:
    """Return the twin of a convolution, packed for the size of its input where it is known; None where it has none."""
    fed = weights.fed(step)
    if fed is None or fed[0].ndim != 4:
        return None
    weight, bias = fed
    try:
        geometry = _geometry(step, weight)
    except ValueError:
        return None  # parameters for another number of axes: the plain op says so
    if geometry is None:
        return None
    pad, strides, dilations, groups = geometry
    if weight.shape[0] % groups or (bias is not None and bias.shape != weight.shape[:1]):
        return None
    size = size_of(step, declared)
    if (
        size is not None
        and len(size) == 4
        and weight.shape[2:] == (1, 1)
        and (*strides, *pad, groups) == (1, 1, 0, 0, 1)
    ):
        wide = weights.scratch.wide(weight).flatten(1).contiguous()
        matrix = torch.ops.mkldnn._reorder_linear_weight(wide, size[0] * size[2] * size[3])
        return PackedPointwise(matrix, bias, weight.shape[1])
    reorder = torch._C._nn.mkldnn_reorder_conv2d_weight
    try:
        # torch's type stubs lack the last parameter, the size of the input.
        packed = reorder(  # type: ignore[call-arg]
            weights.scratch.wide(weight).to_mkldnn(),
            list(pad),
            list(strides),
            list(dilations),
            groups,
            size,
        )
    except RuntimeError:
        return None  # oneDNN has no kernel for this; the plain op runs, or says what is wrong
    return PackedConvolution(packed, bias, pad, strides, dilations, groups, weight.shape[1] * groups)


def _geometry(step: Step, weight: Tensor) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int] | None:
    """Return padding, strides, dilations and groups; None where the padding depends on the size or is uneven."""
    known = step.constants
    strides, dilations = spread(_ints(known, "strides"), 2), spread(_ints(known, "dilations"), 2)
    pad_type = str(known.get("pad_type", "valid"))
    if pad_type.lower() not in ("valid", "custom"):
        return None
    spans = extents(weight.shape[2:], dilations)
    pad = symmetric(sides(pad_type, _ints(known, "pad"), (1, 1), spans, strides))
    groups = known.get("groups", 1)
    # A truth value is an int to Python, and none to oneDNN: the plain op says so.
    if (
        pad is None
        or not isinstance(groups, int)
        or isinstance(groups, bool)
        or min(*pad, groups - 1, *(each - 1 for each in spans)) < 0
    ):
        return None
    return (pad, strides, dilations, groups) if min(*strides, *dilations) > 0 and weight.numel() > 0 else None


def _ints(known: Mapping[str, object], name: str) -> tuple[int, ...] | None:
    value = known.get(name)
    return tuple(int(each) for each in value) if isinstance(value, tuple) else None

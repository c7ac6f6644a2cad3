"""MIL's convolutions.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` and `iOS17`, `conv.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html). The definitions of iOS17
differ in the types that weights may have, which values held wide do not see.
"""

from __future__ import annotations

from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.ops.registry import Rounding, mil_op
from mlparity.engine.ops.windows import Sides, extents, padded, sides, spread, symmetric


@mil_op("conv", rounding=Rounding.REDUCE)
def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: tuple[int, ...] | None = None,
    pad_type: str = "valid",
    pad: tuple[int, ...] | None = None,
    dilations: tuple[int, ...] | None = None,
    groups: int = 1,
    *,
    num: Numerics,
) -> Tensor:
    """Return the convolution of `x` with `weight`, plus `bias`.

    Shape: x (n, C_in, *d), weight (C_out, C_in / groups, *k), bias (C_out); one, two or three spatial axes.

    Raises:
        ValueError: an unknown padding type, or parameters for another number of spatial axes.
    """
    axes = _axes(x)
    steps, spacing = spread(strides, axes), spread(dilations, axes)
    around = sides(pad_type, pad, x.shape[2:], extents(weight.shape[2:], spacing), steps)
    even = symmetric(around)
    if even is None:
        x, even = padded(x, around), (0,) * axes
    return num.products.conv(x, weight, bias, Geometry(steps, even, spacing, groups))


@mil_op("conv_transpose", rounding=Rounding.REDUCE)
def conv_transpose(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    pad: tuple[int, ...] | None = None,
    output_shape: tuple[int, ...] | None = None,
    pad_type: str = "valid",
    strides: tuple[int, ...] | None = None,
    dilations: tuple[int, ...] | None = None,
    groups: int = 1,
    *,
    num: Numerics,
) -> Tensor:
    """Return the transposed convolution of `x` with `weight`, plus `bias`.

    Padding is what is cut off the full result. "same" gives size * stride elements and cuts the odd one after;
    elements that the full result does not reach hold the bias alone.

    Shape: x (n, C_in, *d), weight (C_in, C_out / groups, *k), bias (C_out); `output_shape` has all axes.

    Raises:
        ValueError: an unknown padding type, or parameters for another number of spatial axes.
    """
    axes = _axes(x)
    steps, spacing = spread(strides, axes), spread(dilations, axes)
    spans = extents(weight.shape[2:], spacing)
    full = [(size - 1) * step + span for size, step, span in zip(x.shape[2:], steps, spans, strict=True)]
    wanted = None if output_shape is None else spread(output_shape, axes + 2)[2:]
    cut = _cut(pad_type, pad, full, [size * step for size, step in zip(x.shape[2:], steps, strict=True)], wanted)
    common = tuple(min(before, max(after, 0)) for before, after in cut)
    lacking = [max(-after, 0) for _, after in cut]
    result = num.products.conv_transpose(x, weight, bias, Geometry(steps, common, spacing, groups), lacking)
    for axis, (length, start, (before, after)) in enumerate(zip(full, common, cut, strict=True), start=2):
        result = result.narrow(axis, before - start, length - before - after)
    return result


def _cut(
    pad_type: str, pad: tuple[int, ...] | None, full: list[int], same: list[int], wanted: tuple[int, ...] | None
) -> Sides:
    """Return what to cut off before and after each axis of the full result; below zero, what to add."""
    kind = pad_type.lower()
    if kind == "same":
        sizes = same if wanted is None else wanted
        starts = [max(length - size, 0) // 2 for length, size in zip(full, sizes, strict=True)]
        return tuple((start, length - size - start) for start, length, size in zip(starts, full, sizes, strict=True))
    around = sides(kind, pad, full, (1,) * len(full), (1,) * len(full))
    if wanted is None:
        return around
    return tuple(
        (before, length - size - before) for (before, _), length, size in zip(around, full, wanted, strict=True)
    )


def _axes(x: Tensor) -> int:
    if not 3 <= x.ndim <= 5:
        raise ValueError(f"x has {x.ndim} axes; a convolution has one, two or three spatial axes")
    return x.ndim - 2

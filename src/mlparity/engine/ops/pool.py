"""MIL's pools.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/pool.py`
(https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.ops.registry import Rounding, mil_op
from mlparity.engine.ops.windows import Sides, padded, sides, spread, symmetric

MAXIMA: Mapping[int, Callable[..., Tensor]] = {3: F.max_pool1d, 4: F.max_pool2d, 5: F.max_pool3d}
MEANS: Mapping[int, Callable[..., Tensor]] = {3: F.avg_pool1d, 4: F.avg_pool2d, 5: F.avg_pool3d}

Axes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Geometry:
    """The windows of one pool: the padding asked for, and what ceil mode adds after it."""

    kernel: Axes
    steps: Axes
    around: Sides
    extra: Axes

    @property
    def total(self) -> Sides:
        """The padding that a pool without ceil mode needs for the same windows."""
        return tuple((before, after + more) for (before, after), more in zip(self.around, self.extra, strict=True))

    @property
    def native(self) -> Axes | None:
        """The padding that PyTorch's pools can add themselves, or None."""
        even = symmetric(self.total)
        fits = even is not None and all(2 * amount <= size for amount, size in zip(even, self.kernel, strict=True))
        return even if fits else None


@mil_op("avg_pool", rounding=Rounding.REDUCE)
def avg_pool(
    x: Tensor,
    kernel_sizes: Axes,
    pad_type: str,
    strides: Axes | None = None,
    pad: Axes | None = None,
    exclude_padding_from_average: bool = False,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the mean of each window; padding counts as zeros, or not at all where it is excluded.

    What ceil mode adds counts like padding: a window that hangs over the edge is divided by the whole kernel, unless
    padding is excluded. PyTorch never counts what hangs over.

    Shape: x (n, C, *d) with one, two or three spatial axes.

    Source: measured on Core ML, https://github.com/apple/coremltools/issues/2772 and
        https://github.com/apple/coremltools/pull/2844.

    Raises:
        ValueError: an unknown padding type, parameters for another number of axes, or ceil mode where it is refused.
    """
    geometry = _geometry(x, kernel_sizes, pad_type, strides, pad, ceil_mode)
    run, native = MEANS[x.ndim], geometry.native
    if native is not None:
        return run(x, geometry.kernel, geometry.steps, native, False, not exclude_padding_from_average)
    mean = run(padded(x, geometry.total), geometry.kernel, geometry.steps)
    return mean * _corrections(x, geometry) if exclude_padding_from_average else mean


@mil_op("l2_pool", rounding=Rounding.REDUCE)
def l2_pool(
    x: Tensor,
    kernel_sizes: Axes,
    pad_type: str,
    strides: Axes | None = None,
    pad: Axes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the square root of the sum of squares of each window.

    Shape: x (n, C, *d) with one or two spatial axes.

    Raises:
        ValueError: as `avg_pool`.
    """
    geometry = _geometry(x, kernel_sizes, pad_type, strides, pad, ceil_mode)
    mean = MEANS[x.ndim](padded(x.square(), geometry.total), geometry.kernel, geometry.steps)
    return (mean * math.prod(geometry.kernel)).sqrt()


@mil_op("max_pool", rounding=Rounding.NONE)
def max_pool(
    x: Tensor,
    kernel_sizes: Axes,
    pad_type: str,
    strides: Axes | None = None,
    pad: Axes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return the greatest element of each window; padding is below every element.

    Shape: x (n, C, *d) with one, two or three spatial axes.

    Raises:
        ValueError: as `avg_pool`.
    """
    geometry = _geometry(x, kernel_sizes, pad_type, strides, pad, ceil_mode)
    run, native = MAXIMA[x.ndim], geometry.native
    if native is not None:
        return run(x, geometry.kernel, geometry.steps, native)
    return run(padded(x, geometry.total, -math.inf), geometry.kernel, geometry.steps)


def _geometry(
    x: Tensor, kernel_sizes: Axes, pad_type: str, strides: Axes | None, pad: Axes | None, ceil_mode: bool
) -> _Geometry:
    if x.ndim not in MEANS:
        raise ValueError(f"x has {x.ndim} axes; a pool has one, two or three spatial axes")
    axes = x.ndim - 2
    kernel, steps = spread(kernel_sizes, axes), spread(strides, axes)
    around = sides(pad_type, pad, x.shape[2:], kernel, steps)
    if not ceil_mode:
        return _Geometry(kernel, steps, around, (0,) * axes)
    if pad_type.lower() == "same" or symmetric(around) is None:
        raise ValueError("ceil mode needs symmetric padding, and not the padding type same")
    rows = zip(x.shape[2:], kernel, steps, around, strict=True)
    return _Geometry(kernel, steps, around, tuple(_extra(*row) for row in rows))


def _extra(size: int, kernel: int, step: int, around: tuple[int, int]) -> int:
    """Return how far the last window of ceil mode reaches beyond the padding."""
    reach = size + sum(around)
    last = -(-(reach - kernel) // step)
    if last * step >= size + around[0] and any(around):
        last -= 1
    return max(0, last * step + kernel - reach)


def _corrections(x: Tensor, geometry: _Geometry) -> Tensor:
    """Return, for each window, the kernel's elements over those that lie within `x`."""
    factors = torch.ones((), dtype=x.dtype, device=x.device)
    for size, kernel, step, (before, after) in zip(
        x.shape[2:], geometry.kernel, geometry.steps, geometry.total, strict=True
    ):
        starts = torch.arange(0, size + before + after - kernel + 1, step, device=x.device) - before
        counted = (starts + kernel).clamp(max=size) - starts.clamp(min=0)
        factors = factors.unsqueeze(-1) * (kernel / counted.to(x.dtype))
    return factors

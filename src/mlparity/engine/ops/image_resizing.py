"""MIL's ops that resize or crop a whole image; boxes and free coordinates are in `image_sampling`.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` to `iOS17`, `image_resizing.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mlparity.engine.ops.registry import Rounding, mil_op
from mlparity.engine.ops.sampling_grid import axis_points, nearest_indices

_NATIVE_CORNERS: Mapping[str, bool] = {"UNALIGN_CORNERS": False, "STRICT_ALIGN_CORNERS": True}
"""The sampling modes that torch has too, and its `align_corners` for them."""


@mil_op("crop", rounding=Rounding.NONE)
def crop(x: Tensor, crop_height: tuple[int, ...], crop_width: tuple[int, ...]) -> Tensor:
    """Cut (top, bottom) rows and (left, right) columns off the last two dimensions. The result is a view.

    Raises: ValueError if that leaves less than nothing.
    """
    (top, bottom), (left, right) = crop_height, crop_width
    height, width = x.shape[-2] - top - bottom, x.shape[-1] - left - right
    if min(top, bottom, left, right, height, width) < 0:
        raise ValueError(f"a crop of {crop_height} and {crop_width} from {x.shape[-2]} x {x.shape[-1]}")
    return x.narrow(-2, top, height).narrow(-1, left, width)


@mil_op("resize_bilinear", rounding=Rounding.ELEMENT)
def resize_bilinear(
    x: Tensor, target_size_height: int = 1, target_size_width: int = 1, sampling_mode: str = "DEFAULT"
) -> Tensor:
    """Resize the last two dimensions by linear interpolation at the points of `sampling_mode`.

    Raises: ValueError for another mode.
    """
    return _resized(x, (target_size_height, target_size_width), sampling_mode)


@mil_op("resize_nearest_neighbor", rounding=Rounding.NONE)
def resize_nearest_neighbor(x: Tensor, target_size_height: int, target_size_width: int) -> Tensor:
    """Resize the last two dimensions by copying the element nearest to each half-pixel centre."""
    return _copied(x, (target_size_height, target_size_width), "DEFAULT")


@mil_op("resize", since=17, rounding=Rounding.ELEMENT)
def resize(
    x: Tensor,
    shape: tuple[int, ...],
    resized_dims: int,
    interpolation_mode: str = "LINEAR",
    sampling_mode: str = "DEFAULT",
) -> Tensor:
    """Resize the last `resized_dims` dimensions to the last sizes of `shape`, where 0 keeps a size.

    Types: integers are interpolated in fp64 and truncated: assumed.
    Raises: ValueError for another mode, or if there are fewer sizes or dimensions than are resized.
    """
    if not 0 <= resized_dims <= len(shape) <= x.ndim:
        raise ValueError(f"{resized_dims} resized dimensions of the shape {shape} for a tensor of rank {x.ndim}")
    old, new = x.shape[x.ndim - resized_dims :], shape[len(shape) - resized_dims :]
    sizes = tuple(was if size == 0 else size for was, size in zip(old, new, strict=True))
    if interpolation_mode == "NEAREST_NEIGHBOR":
        return _copied(x, sizes, sampling_mode)
    if interpolation_mode != "LINEAR":
        raise ValueError(f"the interpolation mode {interpolation_mode!r}; expected 'LINEAR' or 'NEAREST_NEIGHBOR'")
    if x.is_floating_point():
        return _resized(x, sizes, sampling_mode)
    return _resized(x.to(torch.float64), sizes, sampling_mode).to(x.dtype)


@mil_op("upsample_bilinear", rounding=Rounding.ELEMENT)
def upsample_bilinear(
    x: Tensor, scale_factor_height: float = 1, scale_factor_width: float = 1, align_corners: bool = True
) -> Tensor:
    """Resize the last two dimensions by factors, by linear interpolation.

    The points follow from the two sizes, not from the factors.
    Shape: each size becomes floor(size * factor), the product rounded to fp32.
    """
    sizes = _scaled(x, scale_factor_height, scale_factor_width)
    return _resized(x, sizes, "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS")


@mil_op("upsample_bilinear", since=16, rounding=Rounding.ELEMENT)
def upsample_bilinear_ios16(
    x: Tensor,
    scale_factor_height: float = 1,
    scale_factor_width: float = 1,
    align_corners: bool = True,
    half_pixel_centers: bool | None = None,
) -> Tensor:
    """Do as in iOS15; neither corners nor half pixels is the mode "DEFAULT".

    Raises: ValueError for corners and half pixels at once.
    """
    half_pixels = not align_corners if half_pixel_centers is None else half_pixel_centers
    if align_corners and half_pixels:
        raise ValueError("align_corners and half_pixel_centers exclude each other")
    if align_corners or half_pixels:
        return upsample_bilinear(x, scale_factor_height, scale_factor_width, align_corners)
    return _resized(x, _scaled(x, scale_factor_height, scale_factor_width), "DEFAULT")


@mil_op("upsample_nearest_neighbor", rounding=Rounding.NONE)
def upsample_nearest_neighbor(x: Tensor, scale_factor_height: float = 1, scale_factor_width: float = 1) -> Tensor:
    """Resize the last two dimensions by factors, copying the element before each point, as torch does.

    Shape: as in `upsample_bilinear`; the points follow from the two sizes: assumed.
    """
    sizes = _scaled(x, scale_factor_height, scale_factor_width)
    return functional.interpolate(_image(x), size=sizes, mode="nearest").reshape(*x.shape[:-2], *sizes)


def _scaled(x: Tensor, *factors: float) -> tuple[int, ...]:
    """Return the new sizes of the last dimensions."""
    sizes = x.shape[x.ndim - len(factors) :]
    return tuple(math.floor(np.float32(size) * np.float32(factor)) for size, factor in zip(sizes, factors, strict=True))


def _image(x: Tensor) -> Tensor:
    """Return `x` in the four dimensions that torch resizes."""
    return x if x.ndim == 4 else x.reshape(1, -1, *x.shape[-2:])


def _resized(x: Tensor, sizes: tuple[int, ...], sampling_mode: str) -> Tensor:
    mode = "STRICT_ALIGN_CORNERS" if sampling_mode == "ALIGN_CORNERS" and 1 not in sizes else sampling_mode
    corners = _NATIVE_CORNERS.get(mode)
    if corners is not None and len(sizes) == 2 and min(sizes) > 0 and x.numel() > 0:
        resized = functional.interpolate(_image(x), size=sizes, mode="bilinear", align_corners=corners)
        return resized.reshape(*x.shape[:-2], *sizes)
    for axis, size in zip(range(x.ndim - len(sizes), x.ndim), sizes, strict=True):
        x = _interpolated(x, axis, axis_points(x.shape[axis], size, sampling_mode, x.device))
    return x


def _interpolated(x: Tensor, axis: int, points: Tensor) -> Tensor:
    """Return `x` at the points of one axis; a weight of zero leaves its element out, even an infinite one."""
    low = points.floor()
    if bool((low == points).all()):
        return x.index_select(axis, low.to(torch.int64))
    high = (low + 1).clamp(max=x.shape[axis] - 1)
    part = (points - low).to(x.dtype).reshape([-1 if at == axis else 1 for at in range(x.ndim)])
    first, second = (x.index_select(axis, indices.to(torch.int64)) for indices in (low, high))
    return torch.where(part == 0, first, first * (1 - part) + second * part)


def _copied(x: Tensor, sizes: tuple[int, ...], sampling_mode: str) -> Tensor:
    for axis, size in zip(range(x.ndim - len(sizes), x.ndim), sizes, strict=True):
        x = x.index_select(axis, nearest_indices(x.shape[axis], size, sampling_mode, x.device))
    return x

"""Exact results of resizing and sampling, one output pixel at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tests.oracles.sampling import axis_points, between, points
from tests.oracles.terms import Terms


def _resized(x: np.ndarray, sizes: Sequence[int], mode: str) -> Terms:
    scale = np.abs(x[np.isfinite(x)]).max()
    for axis, size in zip(range(-len(sizes), 0), sizes, strict=True):
        at = axis_points(x.shape[axis], size, mode)
        x = np.apply_along_axis(lambda lane, at: np.interp(at, range(len(lane)), lane), axis, x, at)
    return Terms(x, scale)


def _copied(x: np.ndarray, sizes: Sequence[int], choose: Callable[[int, int, int], int]) -> np.ndarray:
    for axis, size in zip(range(-len(sizes), 0), sizes, strict=True):
        x = np.take(x, [choose(i, x.shape[axis], size) for i in range(size)], axis)
    return x


def _half_pixel(i: int, size: int, count: int) -> int:
    return (2 * i + 1) * size // (2 * count)


def _scaled(x: np.ndarray, *factors: float) -> list[int]:
    return [math.floor(np.float32(size) * np.float32(by)) for size, by in zip(x.shape[-2:], factors, strict=True)]


def upsample_bilinear(
    x: np.ndarray,
    scale_factor_height: float = 1,
    scale_factor_width: float = 1,
    align_corners: bool = True,
    half_pixel_centers: bool | None = None,
) -> Terms:
    half = (not align_corners) if half_pixel_centers is None else half_pixel_centers
    mode = "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS" if half else "DEFAULT"
    return _resized(x, _scaled(x, scale_factor_height, scale_factor_width), mode)


def upsample_nearest_neighbor(x: np.ndarray, scale_factor_height: float = 1, scale_factor_width: float = 1) -> object:
    sizes = _scaled(x, scale_factor_height, scale_factor_width)
    return _copied(x, sizes, lambda i, size, count: i * size // count)


def resize_bilinear(
    x: np.ndarray, target_size_height: int = 1, target_size_width: int = 1, sampling_mode: str = "DEFAULT"
) -> Terms:
    return _resized(x, (target_size_height, target_size_width), sampling_mode)


def resize_nearest_neighbor(x: np.ndarray, target_size_height: int, target_size_width: int) -> np.ndarray:
    return _copied(x, (target_size_height, target_size_width), _half_pixel)


def resize(
    x: np.ndarray,
    shape: Sequence[int],
    resized_dims: int,
    interpolation_mode: str = "LINEAR",
    sampling_mode: str = "DEFAULT",
) -> object:
    sizes = [shape[at] if shape[at] != 0 else x.shape[at] for at in range(-resized_dims, 0)]
    if interpolation_mode == "LINEAR":
        result = _resized(x, sizes, sampling_mode)
        return result if x.dtype.kind == "f" else np.trunc(result.value).astype(x.dtype)
    if sampling_mode in ("DEFAULT", "UNALIGN_CORNERS"):
        return _copied(x, sizes, _half_pixel)
    return _copied(x, sizes, lambda i, size, count: math.floor(axis_points(size, count, sampling_mode)[i] + 0.5))


def crop(x: np.ndarray, crop_height: Sequence[int], crop_width: Sequence[int]) -> np.ndarray:
    rows = [at for at in range(x.shape[-2]) if crop_height[0] <= at < x.shape[-2] - crop_height[1]]
    columns = [at for at in range(x.shape[-1]) if crop_width[0] <= at < x.shape[-1] - crop_width[1]]
    return x[..., rows, :][..., columns]


def crop_resize(
    x: np.ndarray,
    roi: np.ndarray | None = None,
    boxes: np.ndarray | None = None,
    box_indices: np.ndarray | None = None,
    target_height: int = 1,
    target_width: int = 1,
    normalized_coordinates: bool = False,
    spatial_scale: float = 1.0,
    box_coordinate_mode: str = "CORNERS_HEIGHT_FIRST",
    sampling_mode: str = "DEFAULT",
    pad_value: float = 0.0,
) -> Terms:
    """Take `roi` up to iOS16, `boxes` from iOS17 on."""
    jobs, lead = _jobs(x, roi, boxes, box_indices)
    unit = [size - 1 if normalized_coordinates else 1 for size in x.shape[2:]]
    results = []
    for image, box in jobs:
        (top, bottom), (left, right) = _sides(np.asarray(box) * spatial_scale, box_coordinate_mode)
        down = points(top * unit[0], bottom * unit[0], target_height, sampling_mode)
        across = points(left * unit[1], right * unit[1], target_width, sampling_mode)
        results.append([[_inside(x[image], row, column, pad_value) for column in across] for row in down])
    value = np.asarray(results).reshape(len(jobs), target_height, target_width, x.shape[1])
    value = np.moveaxis(value, -1, 1)
    return Terms(value.reshape(*lead, *value.shape[1:]), np.abs(x).max())


def _jobs(
    x: np.ndarray, roi: np.ndarray | None, boxes: np.ndarray | None, indices: np.ndarray | None
) -> tuple[list[tuple[int, np.ndarray]], tuple[int, ...]]:
    """Return (image, box) for each crop, and the leading shape of the result."""
    if roi is None:
        assert boxes is not None
        images = range(len(boxes)) if indices is None else indices
        return list(zip(images, boxes, strict=True)), (len(boxes),)
    rows = roi[:, 0, :, 0, 0]
    if rows.shape[1] == 5:
        return [(int(row[0]), row[1:]) for row in rows], (len(rows), 1)
    return [(image, row) for row in rows for image in range(len(x))], (len(rows), len(x))


def _sides(box: np.ndarray, mode: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return (top, bottom) and (left, right)."""
    a, b, c, d = box
    if mode.startswith("CENTER"):
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    return ((a, c), (b, d)) if mode.endswith("HEIGHT_FIRST") else ((b, d), (a, c))


def _inside(image: np.ndarray, down: float, across: float, outside: float) -> np.ndarray:
    if not (0 <= down <= image.shape[1] - 1 and 0 <= across <= image.shape[2] - 1):
        return np.full(len(image), outside)
    return between(image, down, across, lambda row, column: image[:, row, column])


def affine(
    x: np.ndarray,
    transform_matrix: np.ndarray,
    output_height: int,
    output_width: int,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Terms:
    grid = np.zeros((len(x), output_height, output_width, 2))
    for n, i, j in np.ndindex(*grid.shape[:3]):
        along = [2 * at / (size - 1) - 1 for at, size in ((j, output_width), (i, output_height))]
        a0, a1, a2, b0, b1, b2 = transform_matrix[n % len(transform_matrix)]
        grid[n, i, j] = a0 * along[0] + a1 * along[1] + a2, b0 * along[0] + b1 * along[1] + b2
    return resample(x, grid, "bilinear", "constant", 0.0, coordinates_mode, align_corners)


def resample(
    x: np.ndarray,
    coordinates: np.ndarray,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Terms:
    result = np.zeros((len(x), x.shape[1], *coordinates.shape[1:3]))
    for n, i, j in np.ndindex(len(x), *coordinates.shape[1:3]):
        across, down = (
            _edge(_pixel(coordinates[n, i, j, at], size, coordinates_mode, align_corners), size, padding_mode)
            for at, size in ((0, x.shape[3]), (1, x.shape[2]))
        )

        def pixel(row: int, column: int, image: np.ndarray = x[n]) -> np.ndarray:
            if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                return image[:, row, column]
            return np.full(len(image), padding_value)

        if sampling_mode == "nearest":
            result[n, :, i, j] = pixel(round(down), round(across))
        else:
            result[n, :, i, j] = between(x[n], down, across, pixel)
    return Terms(result, np.abs(x).max() if sampling_mode == "bilinear" else np.zeros(()))


def _pixel(at: float, size: int, mode: str, align_corners: bool) -> float:
    if mode == "unnormalized":
        return float(at)
    part = at if mode == "normalized_zero_to_one" else (at + 1) / 2
    return float(part * (size - 1) if align_corners else part * size - 0.5)


def _edge(at: float, size: int, padding_mode: str) -> float:
    """Return the place inside the axis that stands for `at`, by walking there one mirror at a time."""
    if padding_mode == "constant":
        return at
    if padding_mode != "border":
        low, high = (0.0, size - 1.0) if padding_mode == "reflection" else (-0.5, size - 0.5)
        while not low <= at <= high:
            at = 2 * low - at if at < low else 2 * high - at
    return min(size - 1.0, max(0.0, at))


ORACLES: Mapping[str, Callable[..., object]] = {
    "affine": affine,
    "crop": crop,
    "crop_resize": crop_resize,
    "resample": resample,
    "resize": resize,
    "resize_bilinear": resize_bilinear,
    "resize_nearest_neighbor": resize_nearest_neighbor,
    "upsample_bilinear": upsample_bilinear,
    "upsample_nearest_neighbor": upsample_nearest_neighbor,
}

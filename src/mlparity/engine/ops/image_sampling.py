"""MIL's ops that sample an image at computed positions: `affine`, `crop_resize` and `resample`.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` to `iOS17`, `image_resizing.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from mlparity.engine.ops.registry import Rounding, mil_op
from mlparity.engine.ops.sampling_grid import interval_points

_CORNERS_OF_BOX: Mapping[str, tuple[bool, tuple[int, int, int, int]]] = {
    "CORNERS_HEIGHT_FIRST": (False, (0, 1, 2, 3)),
    "CORNERS_WIDTH_FIRST": (False, (1, 0, 3, 2)),
    "CENTER_SIZE_HEIGHT_FIRST": (True, (0, 1, 2, 3)),
    "CENTER_SIZE_WIDTH_FIRST": (True, (1, 0, 3, 2)),
}
"""Whether a box is given by its centre, and the order that puts the height first."""

_TORCH_PADDING: Mapping[tuple[str, bool], str] = {
    ("constant", False): "zeros",
    ("constant", True): "zeros",
    ("border", False): "border",
    ("border", True): "border",
    ("reflection", True): "reflection",
    ("symmetric", False): "reflection",
}
"""What `grid_sample` calls a padding mode under `align_corners`; it reflects at pixels' centres or edges by that."""

_TO_PIXELS: Mapping[tuple[str, bool], Callable[[Tensor, Tensor], Tensor]] = {
    ("unnormalized", False): lambda at, _size: at,
    ("unnormalized", True): lambda at, _size: at,
    ("normalized_minus_one_to_one", False): lambda at, size: ((at + 1) * size - 1) / 2,
    ("normalized_minus_one_to_one", True): lambda at, size: (at + 1) / 2 * (size - 1),
    ("normalized_zero_to_one", False): lambda at, size: at * size - 0.5,
    ("normalized_zero_to_one", True): lambda at, size: at * (size - 1),
}
"""From a coordinate and the axis' size to a position in pixels, by the mode and `align_corners`."""


@mil_op("affine", rounding=Rounding.ELEMENT)
def affine(
    x: Tensor,
    transform_matrix: Tensor,
    output_height: int,
    output_width: int,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    """Sample `x` linearly where an affine map sends each output pixel, with zeros outside.

    Shape: x (N, C, H, W) and a matrix (N or 1, 6) of rows [a0, a1, a2, b0, b1, b2] give (N, C, height, width).
    Raises: ValueError for modes that MIL does not allow.
    """
    modes = (sampling_mode.lower(), padding_mode.lower(), padding_value, coordinates_mode.lower())
    if modes != ("bilinear", "constant", 0.0, "normalized_minus_one_to_one"):
        raise ValueError(f"the modes {modes}; MIL allows ('bilinear', 'constant', 0, 'normalized_minus_one_to_one')")
    maps = transform_matrix.reshape(-1, 2, 3).expand(x.shape[0], 2, 3)
    grid = functional.affine_grid(maps, [*x.shape[:2], output_height, output_width], align_corners=align_corners)
    return functional.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=align_corners)


@mil_op("crop_resize", rounding=Rounding.ELEMENT)
def crop_resize(
    x: Tensor,
    roi: Tensor,
    target_height: int = 1,
    target_width: int = 1,
    normalized_coordinates: bool = False,
    spatial_scale: float = 1.0,
    box_coordinate_mode: str = "CORNERS_HEIGHT_FIRST",
    sampling_mode: str = "DEFAULT",
) -> Tensor:
    """Sample each box of `roi` at a fixed size, with zeros outside the image.

    Shape: roi (N, 1, 4, 1, 1) gives (N, B, C, height, width), each box from each image; (N, 1, 5, 1, 1), with the
        image's index first, gives (N, 1, C, height, width).
    Raises: ValueError for another mode; IndexError for an index outside the batch.
    """
    return crop_resize_ios16(
        x, roi, target_height, target_width, normalized_coordinates, spatial_scale, box_coordinate_mode, sampling_mode
    )


@mil_op("crop_resize", since=16, rounding=Rounding.ELEMENT)
def crop_resize_ios16(
    x: Tensor,
    roi: Tensor,
    target_height: int = 1,
    target_width: int = 1,
    normalized_coordinates: bool = False,
    spatial_scale: float = 1.0,
    box_coordinate_mode: str = "CORNERS_HEIGHT_FIRST",
    sampling_mode: str = "DEFAULT",
    pad_value: float = 0.0,
) -> Tensor:
    """Do as in iOS15, with `pad_value` outside the image."""
    rows = roi.reshape(roi.shape[0], roi.shape[2])
    points = _box_points(
        rows[:, -4:],
        (x.shape[-2], x.shape[-1]),
        (target_height, target_width),
        normalized_coordinates,
        spatial_scale,
        box_coordinate_mode,
        sampling_mode,
    )
    if rows.shape[1] == 5:
        return _sampled_boxes(x, rows[:, 0].round().to(torch.int64), points, pad_value).unsqueeze(1)
    count, batch = len(rows), x.shape[0]
    images = torch.arange(batch, device=x.device).repeat(count)
    repeated = tuple(at.repeat_interleave(batch, dim=0) for at in points)
    return _sampled_boxes(x, images, repeated, pad_value).reshape(count, batch, x.shape[1], target_height, target_width)


@mil_op("crop_resize", since=17, rounding=Rounding.ELEMENT)
def crop_resize_ios17(
    x: Tensor,
    boxes: Tensor,
    box_indices: Tensor | None = None,
    target_height: int = 1,
    target_width: int = 1,
    normalized_coordinates: bool = False,
    spatial_scale: float = 1.0,
    box_coordinate_mode: str = "CORNERS_HEIGHT_FIRST",
    sampling_mode: str = "DEFAULT",
    pad_value: float = 0.0,
) -> Tensor:
    """Do as in iOS16, with the boxes (N, 4) apart from the indices (N,) of their images, by default 0 .. N - 1.

    Shape: the result is (N, C, height, width).
    """
    images = torch.arange(len(boxes), device=x.device) if box_indices is None else box_indices.to(torch.int64)
    points = _box_points(
        boxes.to(x.dtype),
        (x.shape[-2], x.shape[-1]),
        (target_height, target_width),
        normalized_coordinates,
        spatial_scale,
        box_coordinate_mode,
        sampling_mode,
    )
    return _sampled_boxes(x, images, points, pad_value)


@mil_op("resample", rounding=Rounding.ELEMENT)
def resample(
    x: Tensor,
    coordinates: Tensor,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    """Sample `x` at free coordinates (x, y), linearly or at the nearest pixel, the even one of two equally near.

    Outside, "constant" pads with `padding_value`, "border" repeats the edge, "reflection" mirrors at the edge
    pixels' centres, "symmetric" at their outer edges.
    Shape: x (N, C, H, W) and coordinates (N, H2, W2, 2) give (N, C, H2, W2).
    Raises: ValueError for another mode.
    Source: equal to torch's grid_sample where that has the mode; its rule for the nearest pixel also gives the values
        of coremltools' own test (`ops/tests/iOS15/test_image_resizing.py`, `TestResample`).
    """
    to_pixels = _TO_PIXELS.get((coordinates_mode, align_corners))
    if to_pixels is None or sampling_mode not in ("bilinear", "nearest") or padding_mode not in _EDGES:
        raise ValueError(f"the modes {sampling_mode!r}, {padding_mode!r} and {coordinates_mode!r}")
    grid = coordinates.to(x.dtype)
    native = _TORCH_PADDING.get((padding_mode, align_corners))
    is_zero = padding_mode != "constant" or padding_value == 0
    if native is not None and is_zero and coordinates_mode == "normalized_minus_one_to_one":
        return functional.grid_sample(x, grid, sampling_mode, native, align_corners)
    across, down = (
        _EDGES[padding_mode](to_pixels(grid[..., axis], torch.tensor(size, dtype=x.dtype, device=x.device)), size)
        for axis, size in enumerate((x.shape[3], x.shape[2]))
    )
    images = torch.arange(len(x), device=x.device)
    if sampling_mode == "nearest":
        return _pixels(x, images, down.round(), across.round(), padding_value)
    return _between_pixels(x, images, down, across, padding_value)


def _mirrored(at: Tensor, low: float, high: float) -> Tensor:
    span = high - low
    if span <= 0:
        return torch.full_like(at, low)
    away = (at - low).remainder(2 * span)
    return low + torch.minimum(away, 2 * span - away)


_EDGES: Mapping[str, Callable[[Tensor, int], Tensor]] = {
    "constant": lambda at, _size: at,
    "border": lambda at, size: at.clamp(0, size - 1),
    "reflection": lambda at, size: _mirrored(at, 0, size - 1),
    "symmetric": lambda at, size: _mirrored(at, -0.5, size - 0.5).clamp(0, size - 1),
}
"""Where a padding mode takes a position outside the axis from."""


def _pixels(x: Tensor, images: Tensor, down: Tensor, across: Tensor, outside: float) -> Tensor:
    """Return the pixels (N, C, *) of the images (N,) at whole positions (N, *), and `outside` beyond the image."""
    height, width = x.shape[-2:]
    is_inside = (down >= 0) & (down <= height - 1) & (across >= 0) & (across <= width - 1)
    rows, columns = (
        at.nan_to_num().clamp(0, size - 1).to(torch.int64) for at, size in ((down, height), (across, width))
    )
    taken = x[images.reshape(-1, *[1] * (down.ndim - 1)), :, rows, columns].movedim(-1, 1)
    return torch.where(is_inside.unsqueeze(1), taken, outside)


def _between_pixels(x: Tensor, images: Tensor, down: Tensor, across: Tensor, outside: float) -> Tensor:
    """Return the images (N,) at positions (N, *) in pixels, linearly between the four around each."""
    top, left = down.floor(), across.floor()
    below, right = ((at - low).to(x.dtype).unsqueeze(1) for at, low in ((down, top), (across, left)))
    upper, lower = (
        _pixels(x, images, row, left, outside) * (1 - right) + _pixels(x, images, row, left + 1, outside) * right
        for row in (top, top + 1)
    )
    return upper * (1 - below) + lower * below


def _box_points(
    boxes: Tensor,
    sizes: tuple[int, int],
    counts: tuple[int, int],
    normalized: bool,
    scale: float,
    box_mode: str,
    sampling_mode: str,
) -> tuple[Tensor, Tensor]:
    """Return the rows (N, height) and the columns (N, width) at which each box (N, 4) is sampled, in pixels."""
    layout = _CORNERS_OF_BOX.get(box_mode)
    if layout is None:
        raise ValueError(f"the box mode {box_mode!r}; expected one of {', '.join(_CORNERS_OF_BOX)}")
    by_centre, order = layout
    ends = boxes[:, list(order)].to(torch.float64) * scale
    first, last = ends[:, :2], ends[:, 2:]
    if by_centre:
        first, last = first - last / 2, first + last / 2
    if normalized:
        extent = torch.tensor([size - 1 for size in sizes], dtype=torch.float64, device=boxes.device)
        first, last = first * extent, last * extent
    rows, columns = (interval_points(first[:, at], last[:, at], counts[at], sampling_mode) for at in (0, 1))
    return rows, columns


def _sampled_boxes(x: Tensor, images: Tensor, points: tuple[Tensor, ...], outside: float) -> Tensor:
    """Sample the image `images[n]` at the rows and columns of box n: (N, C, height, width).

    A point outside the image is `outside` as a whole, not mixed with the border.
    Source: coremltools' own test, `ops/tests/iOS16/test_image_resizing.py` (`TestCropResize`).
    """
    if images.numel() > 0 and not 0 <= int(images.min()) <= int(images.max()) < x.shape[0]:
        raise IndexError(f"boxes of the images {images.tolist()} in a batch of {x.shape[0]}")
    rows, columns = points
    down = rows.unsqueeze(-1).expand(*rows.shape, columns.shape[-1])
    across = columns.unsqueeze(-2).expand(*rows.shape, columns.shape[-1])
    is_inside = (down >= 0) & (down <= x.shape[-2] - 1) & (across >= 0) & (across <= x.shape[-1] - 1)
    height, width = x.shape[-2] - 1, x.shape[-1] - 1
    # Clamping moves only points that are replaced, and keeps the pixel after the last one out of the mixture.
    sampled = _between_pixels(x, images, down.clamp(0, height), across.clamp(0, width), 0.0)
    return torch.where(is_inside.unsqueeze(1), sampled, outside)

"""Cases of resizing, cropping and sampling.

The place of an interpolated value is computed in fp32, so that its error grows with the axis: 8 units of the largest
pixel cover axes of some ten pixels, and 16 coordinates that lie outside them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases.arrays import f32, i32, integers, normal, uniform
from tests.cases.case import Case

MODES = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS")
IMAGE = normal(2, 3, 5, 7)
LADDER = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
NEAREST = "NEAREST_NEIGHBOR"


def _linear(op: str, opset: int = 15, note: str = "", **inputs: object) -> Case:
    return Case(op, inputs, ulp_fp32=8, opset=opset, note=note)


def _refused(op: str, opset: int = 15, kind: type[Exception] = ValueError, **inputs: object) -> Case:
    return Case(op, inputs, opset=opset, raises=kind)


RESIZES = (
    *(
        _linear("resize_bilinear", x=IMAGE, target_size_height=h, target_size_width=w, sampling_mode=mode)
        for mode in MODES
        for h, w in ((8, 9), (3, 1), (1, 4), (5, 7))
    ),
    _linear("resize_bilinear", x=IMAGE, note="the defaults"),
    _linear("resize_bilinear", x=IMAGE[0], target_size_height=8, target_size_width=3, note="rank 3"),
    _linear("resize_bilinear", x=IMAGE[:, None], target_size_height=8, target_size_width=3, note="rank 5"),
    _linear("resize_bilinear", x=f32([[[0.0, 1.0, np.inf, np.nan]]]), target_size_height=1, target_size_width=4),
    _refused("resize_bilinear", x=IMAGE, sampling_mode="CORNERS"),
    Case("resize_nearest_neighbor", {"x": IMAGE, "target_size_height": 8, "target_size_width": 9}),
    Case("resize_nearest_neighbor", {"x": IMAGE[0], "target_size_height": 2, "target_size_width": 21}),
    *(
        _linear("resize", 17, x=IMAGE, shape=(2, 3, 8, 4), resized_dims=2, interpolation_mode=kind, sampling_mode=mode)
        for mode in MODES
        for kind in ("LINEAR", NEAREST)
    ),
    _linear("resize", 17, x=f32([[[0, 1]]]), shape=(1, 1, 5), resized_dims=2),
    _linear("resize", 17, x=IMAGE, shape=(1, 0, 0, 4), resized_dims=3, note="0 keeps a size"),
    _linear("resize", 17, x=IMAGE, shape=(9,), resized_dims=1, sampling_mode="OFFSET_CORNERS"),
    _linear("resize", 17, x=IMAGE, shape=(4, 8, 3), resized_dims=3, sampling_mode="UNALIGN_CORNERS", note="3 axes"),
    _linear("resize", 17, x=f32([[[-6.174], [9.371]]]), shape=(3, 2), resized_dims=2, interpolation_mode=NEAREST),
    _linear("resize", 17, x=integers(1, 3, 4), shape=(5, 7), resized_dims=2, note="integers"),
    _linear("resize", 17, x=IMAGE, shape=(), resized_dims=0, note="nothing"),
    _refused("resize", 17, x=IMAGE, shape=(4,), resized_dims=2),
    _refused("resize", 17, x=IMAGE[0, 0], shape=(1, 4, 4), resized_dims=2),
    _refused("resize", 17, x=IMAGE, shape=(4, 4), resized_dims=2, interpolation_mode="CUBIC"),
    _refused("resize", 17, x=IMAGE, shape=(4, 4), resized_dims=2, sampling_mode="CORNERS"),
)

CORNERS: tuple[dict[str, Any], ...] = (
    {"align_corners": True},
    {"align_corners": False},
    {"align_corners": False, "half_pixel_centers": False},
    {"align_corners": True, "half_pixel_centers": False},
)

UPSAMPLES = (
    _linear("upsample_bilinear", x=IMAGE, scale_factor_height=3, scale_factor_width=2.5),
    _linear("upsample_bilinear", x=IMAGE, scale_factor_height=0.5, scale_factor_width=0.75, align_corners=False),
    _linear("upsample_bilinear", x=IMAGE[0], note="the defaults"),
    *(
        _linear("upsample_bilinear", 16, x=IMAGE, scale_factor_height=2, scale_factor_width=3, **corners)
        for corners in CORNERS
    ),
    _refused("upsample_bilinear", 16, x=IMAGE, align_corners=True, half_pixel_centers=True),
    Case("upsample_nearest_neighbor", {"x": IMAGE, "scale_factor_height": 2, "scale_factor_width": 3}),
    Case("upsample_nearest_neighbor", {"x": IMAGE[0], "scale_factor_height": 3.25, "scale_factor_width": 0.75}),
    Case("crop", {"x": IMAGE, "crop_height": (0, 1), "crop_width": (1, 2)}),
    Case("crop", {"x": IMAGE, "crop_height": (5, 0), "crop_width": (0, 0)}, note="nothing left"),
    _refused("crop", x=IMAGE, crop_height=(3, 3), crop_width=(0, 0)),
    _refused("crop", x=IMAGE, crop_height=(-1, 0), crop_width=(0, 0)),
)


def _roi(*rows: tuple[float, ...]) -> np.ndarray:
    return f32(rows).reshape(len(rows), 1, len(rows[0]), 1, 1)


SIZE: dict[str, Any] = {"target_height": 2, "target_width": 2}
INNER = (0.5, 1.25, 3.75, 4.4)
PARTS = _roi((0, 0.1, 0.3, 1.3, 1), (0, 0.5, 1.8, 1.0, 0.3), (0, 0.0, 0.4, 0.6, 0.7))

BOXES = (
    *(
        _linear("crop_resize", x=LADDER, roi=_roi(box), sampling_mode="ALIGN_CORNERS", target_height=h, target_width=h)
        for box in ((1.0, 1.0, 2.0, 2.0), (2.0, 2.0, 1.0, 1.0))
        for h in (1, 2, 4)
    ),
    *(
        _linear("crop_resize", x=IMAGE, roi=_roi(INNER), target_height=3, target_width=5, sampling_mode=mode)
        for mode in MODES
    ),
    _linear("crop_resize", x=IMAGE, roi=_roi((1, 1, 0.25, 2.5, 3)), box_coordinate_mode="CORNERS_WIDTH_FIRST", **SIZE),
    _linear("crop_resize", x=IMAGE, roi=_roi((2, 2, 2, 3)), box_coordinate_mode="CENTER_SIZE_HEIGHT_FIRST", **SIZE),
    _linear("crop_resize", x=IMAGE, roi=_roi((2, 2, 2, 3)), box_coordinate_mode="CENTER_SIZE_WIDTH_FIRST", **SIZE),
    _linear(
        "crop_resize", x=IMAGE, roi=_roi((4, 4, 10, 12)), spatial_scale=0.25, sampling_mode="OFFSET_CORNERS", **SIZE
    ),
    _linear("crop_resize", x=IMAGE, roi=_roi((0, 0, 1, 1)), normalized_coordinates=True, **SIZE),
    _refused("crop_resize", x=IMAGE, roi=_roi((0, 0, 1, 1)), box_coordinate_mode="CORNERS"),
    _refused("crop_resize", x=IMAGE, roi=_roi((0, 0, 1, 1)), sampling_mode="CORNERS"),
    _refused("crop_resize", x=IMAGE, roi=_roi((2, 0, 0, 1, 1)), kind=IndexError),
    _linear("crop_resize", 16, x=IMAGE, roi=_roi(INNER), pad_value=2.0, **SIZE),
    _linear(
        "crop_resize",
        16,
        x=LADDER,
        roi=PARTS,
        normalized_coordinates=True,
        sampling_mode="ALIGN_CORNERS",
        pad_value=10.0,
        **SIZE,
    ),
    _linear("crop_resize", 17, x=IMAGE, boxes=f32([INNER]), box_indices=i32([1]), **SIZE),
    _linear("crop_resize", 17, x=IMAGE, boxes=f32([[1, 1, 2, 2], [0, 3, 4, 5]]), **SIZE, note="each image its box"),
    _linear(
        "crop_resize",
        17,
        x=LADDER,
        boxes=PARTS[:, 0, 1:, 0, 0],
        box_indices=i32([0, 0, 0]),
        normalized_coordinates=True,
        sampling_mode="ALIGN_CORNERS",
        pad_value=10.0,
        **SIZE,
    ),
    _linear("crop_resize", 17, x=IMAGE, boxes=i32([[1, 1, 2, 2]]), box_indices=i32([1]), **SIZE, note="integer boxes"),
    _linear("crop_resize", 17, x=IMAGE, boxes=np.zeros((0, 4), np.float32), box_indices=i32([]), **SIZE, note="no box"),
    _refused("crop_resize", 17, x=LADDER, boxes=f32([[1, 1, 2, 2]] * 3), kind=IndexError, **SIZE),
)

PLACES = uniform(2, 3, 4, 2, low=-2.5, high=2.5, seed=3)
PIXELS = uniform(2, 3, 4, 2, low=-9, high=12, seed=4)


def _resample(
    coordinates: np.ndarray, sampling: str, padding: str, mode: str, corners: bool, value: float = 0.0
) -> Case:
    inputs = {"sampling_mode": sampling, "padding_mode": padding, "padding_value": value, "coordinates_mode": mode}
    return Case("resample", {"x": IMAGE, "coordinates": coordinates, "align_corners": corners} | inputs, ulp_fp32=16)


AFFINE: dict[str, Any] = {
    "sampling_mode": "bilinear",
    "padding_mode": "constant",
    "padding_value": 0.0,
    "coordinates_mode": "normalized_minus_one_to_one",
    "align_corners": True,
}

PLACED = (
    *(
        _resample(PIXELS if mode == "unnormalized" else PLACES, sampling, padding, mode, corners, 1.5)
        for sampling in ("bilinear", "nearest")
        for padding in ("constant", "border", "reflection", "symmetric")
        for mode in ("unnormalized", "normalized_minus_one_to_one", "normalized_zero_to_one")
        for corners in (True, False)
    ),
    _resample(PLACES, "bilinear", "constant", "normalized_minus_one_to_one", True),
    _resample(integers(2, 3, 4, 2, low=-1, high=6), "nearest", "border", "unnormalized", False),
    _resample(f32(np.full((2, 1, 1, 2), 0.5)), "nearest", "border", "unnormalized", False),
    _refused("resample", x=IMAGE, coordinates=PLACES, **AFFINE | {"sampling_mode": "cubic"}),
    _refused("resample", x=IMAGE, coordinates=PLACES, **AFFINE | {"padding_mode": "wrap"}),
    _refused("resample", x=IMAGE, coordinates=PLACES, **AFFINE | {"coordinates_mode": "pixels"}),
    Case(
        "affine",
        {
            "x": f32([[[[11, 22], [33, 44]]]]),
            "transform_matrix": f32([[-1.0, -2.0, -3.7, -1.0, 3.5, 1.2]]),
            "output_height": 3,
            "output_width": 3,
        }
        | AFFINE,
        ulp_fp32=16,
    ),
    Case(
        "affine",
        {"x": IMAGE, "transform_matrix": normal(2, 6, scale=0.6), "output_height": 4, "output_width": 6} | AFFINE,
        ulp_fp32=16,
    ),
    _refused(
        "affine",
        x=IMAGE,
        transform_matrix=normal(1, 6),
        output_height=4,
        output_width=6,
        **AFFINE | {"padding_value": 1.0},
    ),
)

CASES = RESIZES + UPSAMPLES + BOXES + PLACED

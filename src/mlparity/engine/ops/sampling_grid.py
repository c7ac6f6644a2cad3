"""Where the points of MIL's sampling modes lie on one axis; `resize` and `crop_resize` share them.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/image_resizing.py` (`resize_bilinear`, Notes), with the
interval [0, Xin - 1] there written as [first, last] here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

Spacing = Callable[[Tensor, Tensor, Tensor, int], Tensor]
"""The points of (first, last, 0 .. count - 1, count)."""


@dataclass(frozen=True, slots=True)
class _Mode:
    """Where the points of a mode lie, and whether none may leave the interval it samples."""

    points: Spacing
    keeps_inside: bool


def _corners(first: Tensor, last: Tensor, steps: Tensor, count: int) -> Tensor:
    part = steps / max(count - 1, 1)
    return first * (1 - part) + last * part


def _corners_or_middle(first: Tensor, last: Tensor, steps: Tensor, count: int) -> Tensor:
    return (first + last) / 2 + 0 * steps if count == 1 else _corners(first, last, steps, count)


def _left_edges(first: Tensor, last: Tensor, steps: Tensor, count: int) -> Tensor:
    return first + steps * ((last - first + 1) / count)


def _bin_centres(first: Tensor, last: Tensor, steps: Tensor, count: int) -> Tensor:
    return first + (steps + 0.5) * ((last - first).clamp(min=1) / count)


def _half_pixels(first: Tensor, last: Tensor, steps: Tensor, count: int) -> Tensor:
    return first + (steps + 0.5) * ((last - first + 1) / count) - 0.5


_MODES: Mapping[str, _Mode] = {
    "STRICT_ALIGN_CORNERS": _Mode(_corners, keeps_inside=True),
    "ALIGN_CORNERS": _Mode(_corners_or_middle, keeps_inside=True),
    "DEFAULT": _Mode(_left_edges, keeps_inside=True),
    # Bins are at least one pixel wide, so that those of a narrower interval leave it, as in RoI Align: assumed.
    "OFFSET_CORNERS": _Mode(_bin_centres, keeps_inside=False),
    "UNALIGN_CORNERS": _Mode(_half_pixels, keeps_inside=True),
}


def interval_points(first: Tensor, last: Tensor, count: int, sampling_mode: str) -> Tensor:
    """Return the `count` points of each interval, which may run backwards.

    Shape: first and last (*d) give (*d, count). Types: fp64.
    Raises: ValueError for another mode.
    """
    mode = _MODES.get(sampling_mode)
    if mode is None:
        raise ValueError(f"the sampling mode {sampling_mode!r}; expected one of {', '.join(_MODES)}")
    ends = first.to(torch.float64).unsqueeze(-1), last.to(torch.float64).unsqueeze(-1)
    points = mode.points(*ends, torch.arange(count, dtype=torch.float64, device=first.device), count)
    return points.clamp(torch.minimum(*ends), torch.maximum(*ends)) if mode.keeps_inside else points


def axis_points(size: int, count: int, sampling_mode: str, device: torch.device) -> Tensor:
    """Return the `count` points of a whole axis of `size` elements, none outside it."""
    first, last = (torch.tensor(end, dtype=torch.float64, device=device) for end in (0, size - 1))
    return interval_points(first, last, count, sampling_mode).clamp(0, size - 1)


def nearest_indices(size: int, count: int, sampling_mode: str, device: torch.device) -> Tensor:
    """Return the element nearest to each point of an axis; a point in the middle takes the greater index: assumed.

    Under "DEFAULT" the points are those of "UNALIGN_CORNERS".
    Source: coremltools maps TensorFlow's nearest neighbours with half-pixel centres to it
        (`frontend/tensorflow/ops.py`, `ResizeNearestNeighbor`), and `ops/tests/iOS17/test_image_resizing.py` agrees.
    """
    mode = "UNALIGN_CORNERS" if sampling_mode == "DEFAULT" else sampling_mode
    return (axis_points(size, count, mode, device) + 0.5).floor().to(torch.int64).clamp(max=size - 1)

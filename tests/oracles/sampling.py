"""Where sampling modes put their points, and an image between its pixels: plain loops after the published formulas.

Source: https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html (`resize_bilinear`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def points(first: float, last: float, count: int, mode: str) -> list[float]:
    """Return the points of the interval, which `first = 0, last = Xin - 1` makes an axis."""
    length, steps = last - first + 1, max(count - 1, 1)
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        if mode == "ALIGN_CORNERS" and count == 1:
            return [first + (length - 1) / 2]
        return [first + i * (length - 1) / steps for i in range(count)]
    if mode == "OFFSET_CORNERS":
        delta = max(1.0, length - 1) / count
        return [first + delta / 2 + i * delta for i in range(count)]
    low, high = min(first, last), max(first, last)
    if mode == "DEFAULT":
        spacing = (length - length / count) / steps if count > 1 else 0.0
        found = [first + i * spacing for i in range(count)]
    else:
        spacing = length / count
        found = [first + i * spacing + 0.5 * spacing - 0.5 for i in range(count)]
    return [min(high, max(low, each)) for each in found]


def axis_points(size: int, count: int, mode: str) -> list[float]:
    """Return the points of a whole axis, none outside it."""
    return [min(size - 1.0, max(0.0, each)) for each in points(0.0, size - 1.0, count, mode)]


def between(image: np.ndarray, down: float, across: float, pixel: Callable[[int, int], np.ndarray]) -> np.ndarray:
    """Return the channels of `image` (C, H, W) at a place, from the pixels that `pixel` gives."""
    top, left = math.floor(down), math.floor(across)
    result = np.zeros(len(image))
    for row, row_weight in ((top, top + 1 - down), (top + 1, down - top)):
        for column, column_weight in ((left, left + 1 - across), (left + 1, across - left)):
            if row_weight * column_weight != 0:
                result = result + row_weight * column_weight * pixel(row, column)
    return result

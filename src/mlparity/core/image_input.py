"""An input that a converted model takes as an image: what it makes of a pixel before the network begins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ColourLayout(StrEnum):
    """The order of the channels that the module expects in an image; Core ML's own names."""

    RGB = "RGB"
    BGR = "BGR"
    GRAYSCALE = "GRAYSCALE"


@dataclass(frozen=True, slots=True)
class ImageInput:
    """Takes an input (1, channels, height, width) as an 8-bit image; the module gets `scale * pixel + bias`.

    `bias` is one number, or one for each channel in the order of `layout`.
    """

    scale: float = 1.0
    bias: float | tuple[float, ...] = 0.0
    layout: ColourLayout = ColourLayout.RGB

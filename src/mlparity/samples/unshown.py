"""What pictures cannot show of an artifact that takes their pixels, whatever it does with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlparity.samples.images import ImageSamples

_COLOURFUL = 8
"""How far red and blue of one pixel have to differ, of 255, for a swap of them to show (assumed)."""


def unshown(pixels: ImageSamples) -> tuple[str, ...]:
    """Say what is not verified, because no picture shows it; `pixels` are samples of (1, channels, height, width).

    Pictures are read until one is found that shows it.
    """
    arrays = (sample[pixels.input] for _, sample in pixels)
    return tuple(_notes(arrays))


def _notes(arrays: Iterator[np.ndarray]) -> Iterator[str]:
    is_coloured = is_lopsided = False
    for array in arrays:
        if array.shape[1] != _RGB:
            is_coloured = True  # one channel has no order
        wide = array.astype(np.int16)
        is_coloured = is_coloured or bool((np.abs(wide[:, 0] - wide[:, -1]) > _COLOURFUL).any())
        is_lopsided = is_lopsided or bool((np.abs(wide - wide[..., ::-1]) > _COLOURFUL).any())
        if is_coloured and is_lopsided:
            return
    if not is_coloured:
        yield "the order of the channels is not verified: every picture is grey"
    if not is_lopsided:
        yield "left and right are not verified: every picture is its own mirror image"


_RGB = 3

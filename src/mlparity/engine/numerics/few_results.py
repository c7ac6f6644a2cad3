"""A convolution of few results: places of an image that lie beside each other fill a vector, where results would not.

Planes (n, C, *d) stay as they are: from a place to the next is one number, over the end of a row too. What begins
there is no result, and left out at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.numerics.lines import COLUMNS, Lines, Offsets, around, sums_of
from mlparity.engine.numerics.products import Geometry

_SHARE = 0.6
"""Of the sums of whole vectors of results, how many vectors of places pay (measured on x86)."""

_LEAST_PLACES = 4 * COLUMNS
"""Places that an image has at least: fewer would not fill a tile."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the results of one image begin in a plane of sizes `plane`, and how many there are along each axis."""

    plane: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def steps(self) -> tuple[int, ...]:
        """From one place to the next along each axis."""
        return tuple(math.prod(self.plane[axis + 1 :]) for axis in range(len(self.plane)))

    @property
    def count(self) -> int:
        """Places from the first result to the last, with those between that are none."""
        return 1 + sum((size - 1) * step for size, step in zip(self.sizes, self.steps, strict=True))

    @property
    def blocks(self) -> Offsets:
        """The first of each sixteen places; the last sixteen reach back, so that nothing is read behind the end."""
        first: Offsets = np.minimum(np.arange(0, self.count, COLUMNS), self.count - COLUMNS)
        return first

    def results(self, found: Tensor) -> Tensor:
        """Return the results (n N, *sizes) of those of all places: (n N, blocks, 16)."""
        places = sums_of(list(zip(self.sizes, self.steps, strict=True)))
        back = found.shape[1] * COLUMNS - self.count
        index = np.where(places < (found.shape[1] - 1) * COLUMNS, places, places + back)
        return found.flatten(1)[:, torch.from_numpy(index)].reshape(-1, *self.sizes)


def places_of(plane: Sequence[int], kernel: Sequence[int], dilations: Sequence[int]) -> Places:
    """Return the places where a kernel fits into a plane, each a step of one from the last."""
    sizes = [size - (k - 1) * apart for size, k, apart in zip(plane, kernel, dilations, strict=True)]
    return Places(tuple(plane), tuple(sizes))


def pays(x: Tensor, weight: Tensor, bias: Tensor | None, g: Geometry) -> bool:
    """Return whether vectors of places are fewer than those of results, for a convolution of x with weight.

    Not for what does not fit together: sums by result refuse it.
    """
    fits = weight.shape[1] == x.shape[1] and (bias is None or bias.shape == weight.shape[:1])
    if not fits or g.groups != 1 or {*g.strides} != {1} or x.dtype is not torch.float32:
        return False
    plane = [size + 2 * pad for size, pad in zip(x.shape[2:], g.pad, strict=True)]
    places, results = places_of(plane, weight.shape[2:], g.dilations), weight.shape[0]
    if min(places.sizes) < 1 or places.count < _LEAST_PLACES:
        return False
    columns = -(-results // COLUMNS) * COLUMNS
    return results * places.count < _SHARE * columns * math.prod(places.sizes)


def planes_of(x: Tensor, pads: Sequence[int]) -> Tensor:
    """Return x (n, C, *d) with zeros around each plane, one plane behind the other."""
    return (F.pad(x.detach(), around(pads)) if any(pads) else x.detach()).contiguous()


def lines_of_places(
    planes: Tensor, peak: float, weight: Tensor, dilations: Sequence[int], first: int = 0
) -> tuple[Lines, Places]:
    """Return what each sixteen places of planes (n, C, *d) see, for each result of weight (N, c, *k) in turn: n N.

    Channels are `first` and those behind it.
    """
    places = places_of(planes.shape[2:], weight.shape[2:], dilations)
    apart = [step * dilation for step, dilation in zip(places.steps, dilations, strict=True)]
    size, channels = math.prod(places.plane), weight.shape[1]
    offsets = sums_of([(channels, size), *zip(weight.shape[2:], apart, strict=True)]) + first * size
    images = np.repeat(np.arange(planes.shape[0]) * planes.shape[1] * size, weight.shape[0])
    return Lines(planes.reshape(-1), images[:, None] + places.blocks, offsets, peak, by_channel=True), places

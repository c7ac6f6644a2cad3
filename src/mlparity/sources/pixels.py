"""A source that takes pixels: what its pictures go through before it is a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from mlparity.sources.forward import ForwardInputs
from mlparity.sources.load import LoadedModule


@dataclass(frozen=True, slots=True)
class PixelSteps:
    """From RGB or grey pixels, 0 to 255 and (1, channels, height, width), to what a module takes.

    `(pixel * scale - mean) / std` by channel, in the order of the module's channels; then `is_last` moves the channels
    behind the width. `is_reversed` turns RGB to BGR first.
    """

    scale: float
    mean: Sequence[float]
    std: Sequence[float]
    is_reversed: bool = False
    is_last: bool = False


class FromPixels(nn.Module):
    """A module behind these steps, with pixels as its one input."""

    mean: Tensor
    std: Tensor

    def __init__(self, inner: nn.Module, name: str, by_position: bool, steps: PixelSteps) -> None:
        """Take `name` as the input of `inner`, by position where its forward allows that."""
        super().__init__()
        self.inner, self._name, self._by_position, self._steps = inner, name, by_position, steps
        # No weights: they stand in no digest and in no list of layers.
        self.register_buffer("mean", _by_channel(steps.mean), persistent=False)
        self.register_buffer("std", _by_channel(steps.std), persistent=False)
        self.eval()

    def forward(self, pixels: Tensor) -> object:
        """Return what the module returns for these pixels."""
        steps = self._steps
        value = pixels.flip(1) if steps.is_reversed else pixels
        value = (value * steps.scale - self.mean) / self.std
        value = value.permute(0, 2, 3, 1) if steps.is_last else value
        return self.inner(value) if self._by_position else self.inner(**{self._name: value})


def _by_channel(numbers: Sequence[float]) -> Tensor:
    return torch.tensor(tuple(numbers), dtype=torch.float32).reshape(1, -1, 1, 1)


def from_pixels(loaded: LoadedModule, name: str, steps: PixelSteps) -> LoadedModule:
    """Return a source that takes the pixels of its input `name`, and says so in its notes."""
    module = FromPixels(loaded.module, name, name in loaded.inputs.positional, steps)
    note = "the artifact takes images: both sides are given the pixels, and the source's preprocessing is part of it"
    inputs = ForwardInputs(names=(name,), positional=(name,), required=(name,), takes_more=False)
    return replace(loaded, module=module, inputs=inputs, example=None, notes=(*loaded.notes, note))

"""A source that takes pixels: what its pictures go through before it is a part of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from mlparity.core.image_input import ColourLayout, ImageInput
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
        self.behind_pixels, self._name, self._by_position, self._steps = inner, name, by_position, steps
        self.register_buffer("mean", _by_channel(steps.mean), persistent=False)
        self.register_buffer("std", _by_channel(steps.std), persistent=False)
        self.eval()

    def forward(self, pixels: Tensor) -> object:
        """Return what the module returns for these pixels."""
        steps = self._steps
        value = pixels.flip(1) if steps.is_reversed else pixels
        value = value if steps.scale == 1 else value * steps.scale
        value = value - self.mean if any(steps.mean) else value
        value = value / self.std if set(steps.std) != {1.0} else value
        value = value.permute(0, 2, 3, 1) if steps.is_last else value
        return self.behind_pixels(value) if self._by_position else self.behind_pixels(**{self._name: value})


def _by_channel(numbers: Sequence[float]) -> Tensor:
    return torch.tensor(tuple(numbers), dtype=torch.float32).reshape(1, -1, 1, 1)


def from_pixels(loaded: LoadedModule, name: str, steps: PixelSteps) -> LoadedModule:
    """Return a source that takes the pixels of its input `name`."""
    module = FromPixels(loaded.module, name, name in loaded.inputs.positional, steps)
    inputs = ForwardInputs(names=(name,), positional=(name,), required=(name,), takes_more=False)
    return replace(loaded, module=module, inputs=inputs, example=None, owner=loaded.module)


def as_image(steps: PixelSteps, channels: int) -> tuple[ImageInput, PixelSteps]:
    """Return what an image input does of these steps, and those that are left for the module behind it.

    An image input has one scale for all channels, so standard deviations that differ are left to the module.
    Source: https://apple.github.io/coremltools/docs-guides/source/image-inputs.html
    """
    widths = set(steps.std)
    width = next(iter(widths)) if len(widths) == 1 else 1.0
    bias = tuple(-mean / width + 0.0 for mean in steps.mean)
    layout = ColourLayout.GRAYSCALE if channels == 1 else ColourLayout.BGR if steps.is_reversed else ColourLayout.RGB
    image = ImageInput(steps.scale / width, bias if len(bias) == channels else bias[0], layout)
    return image, PixelSteps(1.0, (0.0,), (1.0,) if len(widths) == 1 else steps.std, is_last=steps.is_last)

"""Faults in networks unlike those of the other modules: a number of the artifact's, a tied layer, a late scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlparity.core.session import Sample
from tests.faults import networks as nets
from tests.faults.artifacts import elsewhere, pictured
from tests.faults.fault import ONNX, Fault, fault, line_of, normal
from tests.faults.makers import changed
from tests.faults.pixels import Colours, photos

BRANCH, WEIGHTS, PREPROCESSING = "branch", "weights", "preprocessing"


class Levelled(nn.Module):
    """Divided by its own largest number, which Python holds."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.known = nn.Conv1d(2, 3, 3, padding=1), 0.0

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        top = self.known if self.known else y.abs().max().item()
        return (y / top).cumsum(-1)


def levelled_once(module: Any) -> None:
    module.known = 2.5


class Tied(nn.Module):
    """A table of words that is also the last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.mix = nn.Embedding(10, 6), nn.Linear(6, 6)
        self.out: nn.Parameter | None = None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.mix(self.words(x)))
        return y @ (self.words.weight if self.out is None else self.out).T


def untied(module: Any) -> None:
    module.out = nn.Parameter(module.words.weight.detach() + 0.2 * torch.randn(10, 6, generator=torch.Generator()))


class Resized(nn.Module):
    """Pixels are made smaller before they are scaled."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Colours()

    def forward(self, image: Tensor) -> Tensor:
        small = F.interpolate(image, size=(15, 15), mode="bilinear", align_corners=False)
        return self.net(small / 255.0 - 0.5)


class Smaller(nn.Module):
    """What is left of `Resized` where the image input scales."""

    def __init__(self, other: Any) -> None:
        super().__init__()
        self.net = other.net

    def forward(self, image: Tensor) -> Tensor:
        return self.net(F.interpolate(image, size=(15, 15), mode="bilinear", align_corners=False))


def numbers() -> list[Sample]:
    return [{"x": np.random.default_rng(2).integers(0, 10, (2, 6)).astype(np.int32)}]


STRANGERS: tuple[Fault, ...] = (
    fault(
        "level_fixed_in_onnx",
        nets.seeded(Levelled),
        lambda: normal(1, 2, 9),
        elsewhere(levelled_once),
        BRANCH,
        suffix=ONNX,
        words=(line_of(Levelled.forward, "item()"),),
    ),
    fault(
        "untied_last_layer",
        nets.seeded(Tied),
        numbers,
        changed(untied),
        WEIGHTS,
        words=("words",),
    ),
    fault(
        "image_scaled_before_it_is_resized",
        nets.seeded(Resized),
        photos(size=30),
        pictured("RGB", lambda m: Smaller(m), scale=1 / 127.5, bias=[-1.0] * 3),
        PREPROCESSING,
    ),
)

"""Image inputs whose scale, bias or order of channels is not what the source does to its pixels."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.core.session import Sample
from tests.faults.artifacts import Change, pictured
from tests.faults.fault import Fault, fault
from tests.faults.makers import FP16
from tests.faults.networks import seeded

PREPROCESSING, NONE = "preprocessing", "none"

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Colours(nn.Module):
    """A small classifier of what a picture's pixels were made to be."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(channels, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 8, 3, 2), nn.ReLU())
        self.head = nn.Linear(8, 5)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.features(image).mean((2, 3)))


class Photographed(nn.Module):
    """`scale * pixel + bias` for each channel, then the network."""

    scale: Tensor
    bias: Tensor

    def __init__(self, scale: tuple[float, ...], bias: tuple[float, ...]) -> None:
        super().__init__()
        self.net = Colours(len(scale))
        self.register_buffer("scale", torch.tensor(scale).reshape(1, -1, 1, 1))
        self.register_buffer("bias", torch.tensor(bias).reshape(1, -1, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        return self.net(image * self.scale + self.bias)


class Deviations(nn.Module):
    """ImageNet's mean and deviations, as most code has them."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.net = Colours()
        self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(STD).reshape(1, 3, 1, 1) * 255)

    def forward(self, image: Tensor) -> Tensor:
        return self.net((image - self.mean) / self.std)


class Swapped(nn.Module):
    """The source itself turns RGB into BGR, as networks trained with OpenCV want it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Colours()

    def forward(self, image: Tensor) -> Tensor:
        return self.net(image.flip(1) - 110.0)


def photos(count: int = 2, channels: int = 3, size: int = 24) -> Callable[[], list[Sample]]:
    def samples() -> list[Sample]:
        random = np.random.default_rng(0)
        slope = np.linspace(0, 120, size)[:, None] + np.linspace(0, 60, size)
        made: list[Sample] = []
        for _ in range(count):
            noise = random.integers(0, 70, (1, channels, size, size))
            made.append({"image": np.floor(slope + noise).astype(np.float32)})
        return made

    return samples


def grey() -> list[Sample]:
    return [{"image": np.repeat(each["image"], 3, 1)} for each in photos(2, 1)()]


def network(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).get_submodule("net")


def scaled(scale: tuple[float, ...], bias: tuple[float, ...]) -> Callable[[], nn.Module]:
    return seeded(lambda: Photographed(scale, bias))


def with_deviations(module: nn.Module) -> nn.Module:
    """The network behind a division by the deviations' ratio to one scale, as image inputs need it."""
    ratio = torch.tensor([0.226 / each for each in STD]).reshape(1, 3, 1, 1)

    class Rest(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network(module)

        def forward(self, image: Tensor) -> Tensor:
            return self.net(image * ratio)

    return Rest().eval()


ONE: dict[str, Any] = {"scale": 1 / (0.226 * 255), "bias": [-each / 0.226 for each in MEAN]}
SYMMETRIC = ((1 / 127.5,) * 3, (-1.0,) * 3)
PLAIN = ((1 / 255,) * 3, (0.0,) * 3)


def image(
    name: str,
    source: Callable[[], nn.Module],
    numbers: tuple[float, ...],
    layout: str = "RGB",
    samples: Callable[[], list[Sample]] | None = None,
    change: Change = network,
    **options: Any,
) -> Fault:
    """One fault of an image input; `numbers` are of the artifact and of the source."""
    made = pictured(layout, change, **options)
    taken = photos() if samples is None else samples
    return fault(name, source, taken, made, PREPROCESSING, numbers=numbers, cure="image")


PIXELS: tuple[Fault, ...] = (
    image("image_with_one_scale", seeded(Deviations), (1 / (0.226 * 255), 1 / (0.229 * 255), 1 / (0.224 * 255)), **ONE),
    image("image_in_bgr", scaled(*SYMMETRIC), (), "BGR", scale=1 / 127.5, bias=[-1.0] * 3),
    image("image_in_bgr_with_one_scale", seeded(Deviations), (1 / (0.226 * 255), 1 / (0.229 * 255)), "BGR", **ONE),
    image("image_without_mean", seeded(Deviations), (1 / 255, 1 / (0.225 * 255)), scale=1 / 255),
    image("image_without_scale", scaled(*PLAIN), (1.0, 1 / 255)),
    image("image_without_bias", scaled(*SYMMETRIC), (-1.0, 0.0), scale=1 / 127.5),
    image("image_of_unit_for_symmetric", scaled(*SYMMETRIC), (1 / 255, 1 / 127.5), scale=1 / 255),
    image(
        "image_with_bias_in_bgr",
        scaled((1.0,) * 3, (-123.7, -116.8, -103.9)),
        (-103.9, -123.7),
        bias=[-103.9, -116.8, -123.7],
    ),
    image("image_in_rgb_for_bgr", seeded(Swapped), (), scale=1.0, bias=[-110.0] * 3),
    image(
        "grey_with_other_scale",
        scaled((1 / 255,), (0.0,)),
        (1 / 127.5, 1 / 255),
        "GRAYSCALE",
        photos(2, 1),
        scale=1 / 127.5,
        bias=-1.0,
    ),
    image("grey_without_bias", scaled((1 / 64.0,), (-2.0,)), (0.0, -2.0), "GRAYSCALE", photos(2, 1), scale=1 / 64.0),
    image("grey_photos_with_other_scale", scaled(*SYMMETRIC), (1 / 255, 1 / 127.5), samples=grey, scale=1 / 255),
    image(
        "grey_photos_with_one_scale", seeded(Deviations), (1 / (0.226 * 255), 1 / (0.229 * 255)), samples=grey, **ONE
    ),
    image(
        "image_scaled_twice",
        scaled((0.02, 0.02, 0.02), (-2.0, -2.2, -1.9)),
        (0.04, 0.02),
        scale=0.04,
        bias=[-2.0, -2.2, -1.9],
    ),
    image(
        "image_without_mean_in_fp16", seeded(Deviations), (1 / 255, 1 / (0.229 * 255)), precision=FP16, scale=1 / 255
    ),
)

HEALTHY: tuple[Fault, ...] = (
    fault(
        "healthy_image", scaled(*SYMMETRIC), photos(), pictured("RGB", network, scale=1 / 127.5, bias=[-1.0] * 3), NONE
    ),
    fault("healthy_image_with_deviations", seeded(Deviations), photos(), pictured("RGB", with_deviations, **ONE), NONE),
)

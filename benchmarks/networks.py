"""The networks of the benchmarks: one of each kind that people ship, at batch 1, each with one sample."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # PyTorch's own name for it

from tests.models import samples, zoo

Sample = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Network:
    """A kind of network, the module that stands for it, and what it runs on."""

    kind: str
    build: Callable[[], nn.Module]
    sample: Callable[[], Sample]


def _timm(name: str, **options: object) -> Callable[[], nn.Module]:
    """Return a factory of timm's network `name` with seeded weights: time depends on the shapes alone."""

    def build() -> nn.Module:
        from tests.models.torchvision_operators import declared

        with zoo.packages(), declared():
            import timm
        return _seeded(lambda: timm.create_model(name, **options))

    return build


def _seeded(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().eval()


class UNet(nn.Module):
    """A U-Net after Ronneberger et al. 2015 (arXiv:1505.04597), 16 to 128 channels, padded, with batch norm.

    Shape: image (N, 3, H, W) gives (N, 1, H, W); H and W are multiples of 8.
    """

    CHANNELS = (16, 32, 64, 128)

    def __init__(self) -> None:
        super().__init__()
        narrow, wide = self.CHANNELS[:-1], self.CHANNELS[1:]
        self.down = nn.ModuleList(map(_twice, (3, *narrow), self.CHANNELS))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in zip(narrow, wide, strict=True))
        self.merge = nn.ModuleList(map(_twice, wide, narrow))
        self.head = nn.Conv2d(self.CHANNELS[0], 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return one logit a pixel."""
        skips = [self.down[0](image)]
        for down in self.down[1:]:
            skips.append(down(F.max_pool2d(skips[-1], 2)))
        x = skips.pop()
        for up, merge in zip(reversed(self.up), reversed(self.merge), strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1))
        return self.head(x)


def _twice(inner: int, outer: int) -> nn.Sequential:
    layers = [(nn.Conv2d(a, outer, 3, padding=1, bias=False), nn.BatchNorm2d(outer), nn.ReLU()) for a in (inner, outer)]
    return nn.Sequential(*layers[0], *layers[1])


def _first(drawn: Callable[[], samples.Samples], name: str | None = None) -> Callable[[], Sample]:
    """Return a factory of the first sample, under another name where one is given."""

    def sample() -> Sample:
        with contextlib.closing(drawn()) as rows:
            found = next(rows)
        return found if name is None else {name: next(iter(found.values()))}

    return sample


NETWORKS: Mapping[str, Network] = {
    "resnet18": Network("CNN", _timm("resnet18", zero_init_last=False), _first(samples.photos, "x")),
    "mobilenet_v2": Network("mobile CNN", zoo.mobilenet_v2, _first(samples.photos)),
    "vit_tiny": Network("ViT", _timm("vit_tiny_patch16_224"), _first(samples.photos, "x")),
    "minilm": Network("BERT", zoo.minilm_transformers, _first(samples.sentences)),
    "unet": Network("U-Net", lambda: _seeded(UNet), _first(samples.photos, "image")),
    "speaker": Network("recurrent", zoo.speaker, _first(samples.speaker_mels)),
    "efficientnetv2_s": Network("large mobile CNN", zoo.efficientnetv2_s, _first(samples.turned_photos_300)),
}

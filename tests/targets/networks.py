"""Small networks that tests of converters and of their runtimes share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.targets.litert import convert as litert
from tests.loading import load_source

SAMPLE = {
    "zeta": np.arange(4, dtype=np.float32)[None],
    "alpha": np.full((1, 4), 0.25, np.float32),
    "ids": np.array([[3, 5]]),
}


class Net(nn.Module):
    """Inputs that are not in alphabetical order, one value given out twice, and an output of an input's name."""

    two: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("two", torch.tensor(2.0))

    def forward(self, zeta: Tensor, alpha: Tensor, ids: Tensor) -> dict[str, Tensor]:
        twice = zeta * self.two
        return {"sum": zeta + alpha * self.two, "twice": twice, "again": twice, "ids": ids + 1}


def converted(path: Path) -> Path:
    """Write `Net` as a `.tflite` file to `path`."""
    return litert.convert(load_source(Net().eval(), SAMPLE), SAMPLE, path).path

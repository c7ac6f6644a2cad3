"""Small real packages for the tests of the reader and the runtime."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.engine.mil.spec import proto

SHAPE = (1, 3, 16, 16)


class SmallNet(nn.Module):
    """A convolution, an activation, a pool, a concatenation and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = torch.relu(self.norm(self.conv(x)))
        pooled = torch.nn.functional.avg_pool2d(features, 16).flatten(1)
        largest = features.amax((2, 3))
        return torch.softmax(self.head(torch.cat([pooled, largest], 1)), -1)


def sample() -> np.ndarray:
    """Return one input."""
    return np.random.default_rng(0).random(SHAPE, dtype=np.float32)


def expected() -> np.ndarray:
    """Return the source's own output for `sample`."""
    with torch.no_grad():
        return SmallNet().eval()(torch.from_numpy(sample())).numpy()


def write_package(folder: Path, precision: str = "fp16") -> Path:
    """Convert `SmallNet` with coremltools and save it."""
    enable_coremltools()
    proto("Model")
    import coremltools as ct

    precisions = {"fp16": ct.precision.FLOAT16, "fp32": ct.precision.FLOAT32}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # coremltools and tracing warn of their own future
        traced = torch.jit.trace(SmallNet().eval(), torch.from_numpy(sample()))
        model = ct.convert(
            traced,
            inputs=[ct.TensorType("x", SHAPE, dtype=np.float32)],
            outputs=[ct.TensorType("y", dtype=np.float32)],
            minimum_deployment_target=ct.target.iOS16,
            compute_precision=precisions[precision],
            skip_model_load=True,
        )
    path = folder / f"small_{precision}.mlpackage"
    model.save(str(path))
    return path

"""Transposed convolutions and maxima of windows agree with PyTorch in both of coremltools' readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlparity.targets.coreml.convert import Frontend
from tests.targets.several import converted_agrees

RNG = np.random.default_rng(0)
LINE = RNG.standard_normal((2, 4, 9)).astype(np.float32)
IMAGE = RNG.standard_normal((2, 4, 8, 7)).astype(np.float32)
VOLUME = RNG.standard_normal((1, 4, 4, 6, 5)).astype(np.float32)
SIZES = {each.ndim: list(each.shape) for each in (LINE, IMAGE, VOLUME)}

UNPOOLED: dict[int, Callable[..., Tensor]] = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}


def growing(axes: int, kernel: Any = 3, channels: int = 5, **named: Any) -> Callable[[Tensor], Tensor]:
    """Return a transposed convolution of four channels, out of the reach of `Module.parameters`."""
    kind = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[axes]
    torch.manual_seed(0)
    return kind(4, channels, kernel, **named).requires_grad_(False).eval().forward


def transposed(axes: int) -> tuple[Callable[..., Any], ...]:
    """Return the cases that every number of axes has."""
    first = growing(axes, stride=2, output_padding=1)
    return (
        first,
        lambda x: first(x[0]),
        growing(axes, stride=2, padding=1, output_padding=1),
        growing(axes, stride=2),
        growing(axes, stride=2, groups=2, channels=6, output_padding=1),
        growing(axes, stride=2, padding=1, groups=4, channels=4, output_padding=1, bias=False),
        growing(axes, stride=3, dilation=2, padding=3, output_padding=2),
        growing(axes, stride=1, dilation=3, output_padding=2),
        growing(axes, 4, stride=4, padding=1, output_padding=3),
        growing(axes, 2, stride=4, output_padding=3),
    )


OF_A_LINE = (
    *transposed(1),
    lambda x: F.max_pool1d(x, 3, 2, 1, return_indices=True),
    lambda x: F.adaptive_max_pool1d(x, 4, return_indices=True),
    lambda x: UNPOOLED[1](*F.max_pool1d(x, 2, return_indices=True), 2, output_size=SIZES[x.dim()]),
)
OF_AN_IMAGE = (
    *transposed(2),
    growing(2, stride=2, output_padding=(1, 0)),
    growing(2, (3, 4), stride=(2, 3), padding=(1, 0), output_padding=(0, 2)),
)
OF_A_VOLUME = (
    *transposed(3),
    growing(3, (3, 2, 4), stride=(2, 1, 3), padding=(0, 1, 2), output_padding=(1, 0, 2)),
    lambda x: F.max_pool3d(x, 3, 2, 1, return_indices=True),
    lambda x: UNPOOLED[3](*F.max_pool3d(x, 2, return_indices=True), 2, output_size=SIZES[x.dim()]),
)


def located(*arguments: Any, **named: Any) -> Callable[[Tensor], Any]:
    return lambda x: F.max_pool2d(x, *arguments, **named, return_indices=True)


MAXIMA: tuple[Callable[..., Any], ...] = (
    located(2),
    located(3, stride=1),
    located((3, 2), stride=(1, 2), padding=(1, 0)),
    located(2, stride=1, dilation=2),
    located(3, stride=2, padding=1, dilation=2),
    located(3, stride=2, ceil_mode=True),
    located(2, stride=2, padding=1, ceil_mode=True),
    lambda x: located(3, stride=2, padding=1)(-x.abs() - 1),
    lambda x: located(3, stride=2, padding=1)(F.relu(x - 1)),
    lambda x: located(2)(x[0]),
    lambda x: F.adaptive_max_pool2d(x, (4, 3), return_indices=True),
    lambda x: F.adaptive_max_pool2d(x, 1, return_indices=True),
    lambda x: UNPOOLED[2](*F.max_pool2d(x, 2, return_indices=True), 2, output_size=SIZES[x.dim()]),
    lambda x: UNPOOLED[2](*F.max_pool2d(x, 3, 2, 1, return_indices=True), 3, 2, 1, output_size=SIZES[x.dim()]),
)


@pytest.mark.parametrize(
    ("functions", "x", "frontend"),
    [
        (OF_A_LINE, LINE, Frontend.TRACE),
        (OF_A_LINE, LINE, Frontend.EXPORT),
        (OF_AN_IMAGE, IMAGE, Frontend.TRACE),
        (OF_AN_IMAGE, IMAGE, Frontend.EXPORT),
        (OF_A_VOLUME, VOLUME, Frontend.EXPORT),
        (MAXIMA, IMAGE, Frontend.TRACE),
    ],
    ids=["line-trace", "line-export", "image-trace", "image-export", "volume-export", "maxima-trace"],
)
def test_windows_agree_with_pytorch(
    functions: tuple[Callable[..., Any], ...], x: np.ndarray, frontend: Frontend, tmp_path: Path
) -> None:
    converted_agrees(functions, x, frontend, tmp_path)

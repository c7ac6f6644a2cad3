"""Pools convert to what PyTorch computes, also where windows hang over the edge, and divisors are given."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor
from torch.nn import functional as F

from mlparity.core.errors import ConversionError
from mlparity.core.lengths import FlexibleDim
from mlparity.targets.coreml.convert import CoremlOptions, Frontend
from tests.targets.parity import parity_of
from tests.targets.several import Several, converted_agrees

X = np.random.default_rng(0).standard_normal((2, 3, 8, 7, 9)).astype(np.float32)
AVERAGES: dict[int, Callable[..., Tensor]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
MAXIMA: dict[int, Callable[..., Tensor]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


def crop(x: Tensor, axes: int, size: int) -> Tensor:
    """Return `axes` spatial axes of x, the last one `size` long."""
    for _ in range(3 - axes):
        x = x[:, :, 0]
    return x[..., :size]


def average(axes: int, size: int, *arguments: object, **named: object) -> Callable[[Tensor], Tensor]:
    return lambda x: AVERAGES[axes](crop(x, axes, size), *arguments, **named)


def maximum(axes: int, size: int, *arguments: object) -> Callable[[Tensor], Tensor]:
    return lambda x: MAXIMA[axes](crop(x, axes, size), *arguments, ceil_mode=True)


LINES = [
    average(1, size, kernel, stride, padding, True, counts)
    for size, kernel, stride, padding, counts in itertools.product((6, 7), (2, 3), (1, 2, 3, 4), (0, 1), (True, False))
] + [
    maximum(1, size, kernel, stride, padding)
    for size, kernel, stride, padding in itertools.product((6, 7), (1, 2), (2, 3), (0, 1))
    if 2 * padding <= kernel
]

PLANES = [
    average(2, 9, kernel, stride, padding, ceil_mode, counts)
    for kernel, stride, padding in (
        (2, 3, 0),
        (2, 3, 1),
        (3, 2, 1),
        ((3, 2), (2, 3), (1, 0)),
        ((1, 3), (2, 4), (0, 1)),
        (3, None, 1),
    )
    for ceil_mode in (True, False)
    for counts in (True, False)
] + [
    average(2, 9, 2, 3, 1, ceil_mode=True, divisor_override=3),
    average(2, 9, 2, divisor_override=3),
    average(2, 9, 2, 2, 1, count_include_pad=False, divisor_override=5),
    maximum(2, 9, 2, 3, 1),
    maximum(2, 9, (1, 2), (3, 4)),
    lambda x: F.avg_pool2d(x[0, 0], 3, 2, 1, True),
    lambda x: F.lp_pool2d(x[0].abs() + 1, 2, 2, 3, ceil_mode=True),
    lambda x: F.adaptive_avg_pool2d(x[0], (3, 4)),
]

SPACES = [
    average(3, 9, kernel, stride, padding, True, counts)
    for kernel, stride, padding in ((2, 3, 0), (2, 3, 1), ((3, 2, 3), (2, 3, 1), (1, 0, 1)))
    for counts in (True, False)
] + [average(3, 9, 2, 3, 1, True, divisor_override=2), maximum(3, 9, 2, 3, 1), maximum(3, 9, 1, 2, 0)]


@pytest.mark.parametrize(
    ("functions", "frontend"),
    [(LINES, Frontend.TRACE), (PLANES, Frontend.EXPORT), (SPACES, Frontend.EXPORT)],
    ids=["lines", "planes", "spaces"],
)
def test_a_pool_agrees_with_pytorch(
    functions: list[Callable[[Tensor], Tensor]], frontend: Frontend, tmp_path: Path
) -> None:
    converted_agrees(functions, X, frontend, tmp_path)


def flexible(function: Callable[[Tensor], Tensor], folder: Path) -> float:
    options = CoremlOptions(frontends=(Frontend.TRACE,), flexible={"x": {3: FlexibleDim(4, 20)}})
    return parity_of(Several([function]).eval(), {"x": X[0]}, folder, options).excess


def test_windows_hang_over_an_edge_that_moves(tmp_path: Path) -> None:
    assert flexible(lambda x: F.avg_pool2d(x, 3, 2, ceil_mode=True), tmp_path) <= 1


def test_an_average_that_needs_a_fixed_size_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="fixed size"):
        flexible(lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), tmp_path)
    with pytest.raises(ConversionError, match="fixed size"):
        flexible(lambda x: F.avg_pool2d(x, 2, 3, ceil_mode=True), tmp_path)

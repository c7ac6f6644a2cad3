"""Winograd's F(2, 3) as the kernels compute it has the bits of PyTorch's own ops, for few results and for many."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from mlparity.engine.numerics.accumulators import FixedPoint
from mlparity.engine.numerics.few_results import pays
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.switch import SWITCH
from mlparity.engine.numerics.winograd import WALK, transformed


def values(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    drawn = np.random.default_rng(seed).standard_normal(shape) * scale
    return torch.from_numpy(drawn.astype(np.float16).astype(np.float32))


def walk(high: int, wide: int) -> Geometry:
    return Geometry((1, 1), (high, wide), (1, 1), 1)


def assert_same(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(found.signbit(), wanted.signbit())


@pytest.mark.parametrize("size", [(4, 3), (5, 8), (3, 67)])
@pytest.mark.parametrize("pad", [(0, 0), (1, 1), (2, 0), (0, 3)])
def test_inputs_are_those_of_the_plain_ops(
    size: tuple[int, int], pad: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = values(2, 3, *size, scale=2.0**-10)
    x[0, 1, 1] *= 2.0**20
    x[1, 0, :, 1], x[1, 1, :, :3], x[1, 2, 0, 2] = math.nan, math.inf, -math.inf
    found = transformed(x, walk(*pad))
    monkeypatch.setenv(SWITCH, "off")
    assert_same(found, transformed(x, walk(*pad)))
    assert transformed(x[:0], walk(*pad)).shape == (0, *found.shape[1:])


@pytest.mark.parametrize("results", [1, 3, 30])
@pytest.mark.parametrize("size", [(12, 15), (13, 16)])
def test_convolutions_are_those_of_the_plain_ops(
    results: int, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, w, b = values(2, 3, *size), values(results, 3, 3, 3, seed=1), values(results, seed=2)
    once, geometry = FixedPoint(winograd=True).caching(), walk(1, 1)
    seen = transformed(x, geometry)[:, :9]
    assert pays(seen, torch.empty(results, 9, 3, 1), b, WALK) == (results < 16)
    for bad in (0.5, math.nan, -math.inf, 60000.0, 0.5):
        x[1, 2, 4, 5] = bad
        for bias in (b, None):
            kind = once if bias is b else FixedPoint(winograd=True)
            found = kind.conv(x, w, bias, geometry)
            with monkeypatch.context() as off:
                off.setenv(SWITCH, "off")
                assert_same(found, FixedPoint(winograd=True).conv(x, w, bias, geometry))
    assert once.conv(x[:0], w, b, geometry).shape == (0, results, *size)

"""Depthwise convolutions by our kernel, against PyTorch's in float64."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # PyTorch's own name for it
from hypothesis import given, settings
from hypothesis import strategies as st

from mlparity.engine.runtime.optimised.depthwise import Geometry, PackedDepthwise, fits, packed_depthwise
from mlparity.engine.runtime.optimised.packed import Follows, Scratch

UNIT = 2.0**-24

Pair = tuple[int, int]
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
around = st.tuples(st.integers(0, 4), st.integers(0, 4))


def _packed(channels: int, taps: Pair, geometry: Geometry) -> tuple[PackedDepthwise, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(channels)
    weight = torch.randn(channels, 1, *taps, generator=generator)
    bias = torch.randn(channels, generator=generator)
    assert fits(weight, geometry)
    return packed_depthwise(weight, bias, geometry, Scratch()), weight, bias


def _exact(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, geometry: Geometry) -> torch.Tensor:
    (top, bottom), (left, right) = geometry.around
    padded = F.pad(x.double(), (left, right, top, bottom))
    return F.conv2d(
        padded, weight.double(), bias.double(), geometry.strides, 0, geometry.dilations, groups=geometry.groups
    )


@settings(deadline=None, max_examples=150)
@given(
    channels=st.integers(16, 90),
    size=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    taps=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    sides=st.tuples(around, around),
    strides=pairs,
    dilations=pairs,
    images=st.integers(1, 2),
)
def test_a_convolution_is_that_of_float64_but_for_its_roundings(
    channels: int, size: Pair, taps: Pair, sides: tuple[Pair, Pair], strides: Pair, dilations: Pair, images: int
) -> None:
    geometry = Geometry(sides, strides, dilations, channels)
    packed, weight, bias = _packed(channels, taps, geometry)
    x = torch.randn(images, channels, *size, generator=torch.Generator().manual_seed(1))
    spans = [(count - 1) * step + 1 for count, step in zip(taps, dilations, strict=True)]
    if any(each + sum(side) < span for each, side, span in zip(size, sides, spans, strict=True)):
        with pytest.raises(ValueError, match="spans"):
            packed(x)
        return
    found, exact = packed(x), _exact(x, weight, bias, geometry)
    bound = (math.prod(taps) + 1) * UNIT * _exact(x.abs(), weight.abs(), bias.abs(), geometry)
    assert found.shape == exact.shape
    assert ((found - exact).abs() <= bound).all()


def test_results_are_rounded_and_limited_and_do_not_depend_on_threads_or_order_in_memory() -> None:
    geometry = Geometry(((1, 1), (1, 1)), (2, 2), (1, 1), 72)
    packed, _, _ = _packed(72, (3, 3), geometry)
    x = torch.randn(1, 72, 61, 57, generator=torch.Generator().manual_seed(2))
    plain, before = packed(x), torch.get_num_threads()
    follows = Follows((0.0, 6.0), rounds=True)
    assert torch.equal(packed.followed_by(follows)(x), plain.half().float().clamp(0.0, 6.0))
    try:
        torch.set_num_threads(3)
        again = packed(x.contiguous(memory_format=torch.channels_last))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(again, plain)


def test_nan_and_infinity_stay_where_the_kernel_reaches_them() -> None:
    geometry = Geometry(((1, 1), (1, 1)), groups=16)
    packed, _, _ = _packed(16, (3, 3), geometry)
    x = torch.zeros(1, 16, 9, 9)
    x[:, 0, 0, 0], x[:, 1, 8, 8] = math.nan, math.inf
    found = packed(x)
    assert found[0, 0].isnan().nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert found[0, 1].isinf().nonzero().tolist() == [[7, 7], [7, 8], [8, 7], [8, 8]]
    assert found[0, 2:].isfinite().all()


def test_what_does_not_fit_is_refused_before_a_kernel_reads_it() -> None:
    packed, _, _ = _packed(16, (3, 3), Geometry(groups=16))
    for x in (torch.zeros(1, 17, 9, 9), torch.zeros(16, 9, 9), torch.zeros(1, 16, 9, 9, dtype=torch.float64)):
        with pytest.raises(ValueError, match="16 channels of fp32"):
            packed(x)
    assert packed(torch.zeros(0, 16, 9, 9)).shape == (0, 16, 7, 7)

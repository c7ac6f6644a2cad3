"""Lines hold what PyTorch's own patches hold, in any number of axes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mlparity.engine.numerics.lines import COLUMNS, channel_patches, lines_of, patches
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.switch import SWITCH

IMAGE = torch.arange(2 * 3 * 5 * 6, dtype=torch.float32).reshape(2, 3, 5, 6)
WALK = Geometry((2, 1), (1, 2), (1, 2), 1)


def test_a_matrix_is_its_own_lines() -> None:
    x = torch.arange(6.0).reshape(2, 3).T
    assert torch.equal(lines_of(x).dense(), x)
    assert lines_of(x).peak == 5.0


def test_patches_are_those_of_unfold() -> None:
    lines, size = patches(IMAGE, (3, 2), WALK)
    wanted = F.unfold(IMAGE, (3, 2), WALK.dilations, WALK.pad, WALK.strides)
    assert torch.equal(lines.dense(), wanted.transpose(1, 2).flatten(0, 1))
    assert math.prod(size) == wanted.shape[2]


def test_patches_of_one_axis_and_of_three() -> None:
    for axes in (1, 3):
        x = torch.arange(2.0 * 4**axes).reshape(1, 2, *[4] * axes)
        walk = Geometry((1,) * axes, (0,) * axes, (1,) * axes, 1)
        lines, size = patches(x, (2,) * axes, walk)
        assert size == [3] * axes
        assert lines.dense()[0].tolist() == x[0][(slice(None), *(slice(2) for _ in range(axes)))].flatten().tolist()


def test_channels_lie_beside_the_first_and_are_filled_up() -> None:
    lines, _ = channel_patches(IMAGE, (3, 2), WALK)
    whole, _ = patches(IMAGE, (3, 2), WALK)
    for channel in range(COLUMNS):
        found = lines.numbers[lines.starts[:, None] + lines.offsets + channel]
        wanted = whole.dense()[:, channel * 6 : channel * 6 + 6] if channel < 3 else torch.zeros_like(found)
        assert torch.equal(found, wanted)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_peak_tells_of_what_is_not_finite(bad: float) -> None:
    x = torch.tensor([[1.0, -3.0]])
    assert lines_of(x).peak == 3.0
    assert not lines_of(torch.tensor([[1.0, bad]])).peak < 1e30


def test_no_lines_have_no_peak() -> None:
    lines = lines_of(torch.empty(0, 3))
    assert lines.peak == 0.0
    assert lines.dense().shape == (0, 3)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("bad", [0.0, math.nan, -math.inf])
def test_a_kernel_lays_images_out_as_plain_ops_do(
    axes: int, last: bool, bad: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.randn(2, 19, *(5, 6, 4)[:axes], generator=torch.Generator().manual_seed(axes))
    x[0, 3] = bad
    x = x.movedim(1, -1).contiguous().movedim(-1, 1) if last else x
    walk = Geometry((1,) * axes, tuple(range(axes)), (1,) * axes, 1)
    for make in (patches, channel_patches):
        found, sizes = make(x, (2,) * axes, walk, 0.5)
        with monkeypatch.context() as off:
            off.setenv(SWITCH, "off")
            wanted, plain_sizes = make(x, (2,) * axes, walk, 0.5)
        torch.testing.assert_close(found.numbers, wanted.numbers, rtol=0, atol=0, equal_nan=True)
        assert sizes == plain_sizes
        np.testing.assert_equal(found.peak, wanted.peak)
        assert np.array_equal(found.starts, wanted.starts)

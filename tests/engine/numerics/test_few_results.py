"""Convolutions of few results, summed at sixteen places at a time, have the bits of those summed by result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from mlparity.engine.numerics.accumulators import FixedPoint, SequentialFp16
from mlparity.engine.numerics.exact_products import ExactProducts
from mlparity.engine.numerics.few_results import pays
from mlparity.engine.numerics.products import Geometry

KINDS = (FixedPoint(), SequentialFp16(), SequentialFp16(lanes=8))
IDS = ("fixed", "sequential", "eight lanes")


@dataclass(frozen=True)
class Case:
    """A convolution of x with weight, its pads and dilations."""

    x: tuple[int, ...]
    weight: tuple[int, ...]
    pad: tuple[int, ...]
    dilations: tuple[int, ...]

    @property
    def geometry(self) -> Geometry:
        return Geometry(tuple(1 for _ in self.pad), self.pad, self.dilations, 1)

    def drawn(self, scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
        x, w, b = self.x, self.weight, self.weight[:1]
        return values(*x, scale=scale), values(*w, seed=1, scale=scale), values(*b, seed=2)


CASES = (
    Case((3, 5, 8, 8), (1, 5, 1, 1), (0, 0), (1, 1)),
    Case((2, 4, 9, 13), (3, 4, 3, 2), (1, 0), (1, 2)),
    Case((1, 9, 200), (2, 9, 7), (9,), (3,)),
    Case((2, 3, 4, 5, 9), (5, 3, 2, 3, 1), (1, 1, 0), (1, 1, 1)),
)


def values(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    drawn = np.random.default_rng(seed).standard_normal(shape) * scale
    return torch.from_numpy(drawn.astype(np.float16).astype(np.float32))


def by_rows(kind: ExactProducts, case: Case, tensors: Sequence[Tensor]) -> Tensor:
    """Return the convolution from patches that PyTorch cuts, each a row of a product."""
    x, w, b = tensors
    padded = F.pad(x, [size for pad in reversed(case.pad) for size in (pad, pad)])
    for axis, (size, apart) in enumerate(zip(w.shape[2:], case.dilations, strict=True)):
        padded = padded.unfold(2 + axis, (size - 1) * apart + 1, 1)[..., ::apart]
    axes, sizes = len(case.pad), padded.shape[2 : 2 + len(case.pad)]
    rows = padded.movedim(1, 1 + axes).reshape(-1, w[0].numel())
    return kind.rows(rows, w.flatten(1), b).reshape(len(x), *sizes, -1).movedim(-1, 1)


def assert_same(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case.pad)} axes, {case.weight[0]}")
@pytest.mark.parametrize("scale", [2.0**-9, 1.0, 200.0])
def test_each_place_is_its_row_of_a_product(kind: ExactProducts, case: Case, scale: float) -> None:
    x, w, b = case.drawn(scale)
    assert pays(x, w, b, case.geometry)
    assert_same(kind.conv(x, w, b, case.geometry), by_rows(kind, case, (x, w, b)))
    assert_same(kind.conv(x, w, None, case.geometry), by_rows(kind, case, (x, w, torch.zeros_like(b))))


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 65504.0])
def test_numbers_that_no_tile_can_sum_are_seen_and_change_no_kept_weights(kind: ExactProducts, bad: float) -> None:
    case, once = CASES[1], kind.caching()
    x, w, b = case.drawn()
    for number in (0.5, bad, 0.5):
        x[1, 2, 4, 6] = number
        assert_same(once.conv(x, w, b, case.geometry), by_rows(kind, case, (x, w, b)))


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, 65504.0])
def test_so_are_weights_and_biases(kind: ExactProducts, bad: float) -> None:
    x, w, b = CASES[1].drawn()
    for weight, bias in ((w.clone(), b), (w, b.clone())):
        (weight if bias is b else bias).view(-1)[1] = bad
        assert_same(kind.conv(x, weight, bias, CASES[1].geometry), by_rows(kind, CASES[1], (x, weight, bias)))


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_a_kernel_of_one_place_sees_one_input_a_stride(kind: ExactProducts) -> None:
    for results in (2, 20):
        x, w = values(2, 6, 23, 21), values(results, 6, 1, 1, seed=1)
        strided = kind.conv(x, w, None, Geometry((2, 1), (0, 0), (1, 1), 1))
        assert_same(strided, kind.conv(x, w, None, Geometry((1, 1), (0, 0), (1, 1), 1))[:, :, ::2])


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_images_whose_channels_come_last_and_none_at_all(kind: ExactProducts) -> None:
    x, w, b = CASES[1].drawn()
    last = x.contiguous(memory_format=torch.channels_last)
    assert_same(kind.conv(last, w, b, CASES[1].geometry), by_rows(kind, CASES[1], (x, w, b)))
    assert kind.conv(x[:0], w, b, CASES[1].geometry).shape == (0, 3, 9, 11)


def test_it_pays_for_few_results_of_large_images_alone() -> None:
    x, g = torch.empty(1, 4, 16, 16), Geometry((1, 1), (0, 0), (1, 1), 1)
    assert pays(x, torch.empty(9, 4, 1, 1), None, g)
    assert not pays(x, torch.empty(10, 4, 1, 1), None, g), "a vector of results is nearly full"
    assert not pays(x, torch.empty(8, 4, 1, 11), None, g), "most places are no results"
    assert not pays(torch.empty(1, 4, 7, 9), torch.empty(1, 4, 1, 1), None, g), "places fill no tile"
    assert not pays(x, torch.empty(2, 2, 1, 1), None, Geometry((1, 1), (0, 0), (1, 1), 2))
    assert not pays(x, torch.empty(2, 4, 3, 3), None, Geometry((1, 2), (0, 0), (1, 1), 1))
    assert not pays(x.double(), torch.empty(2, 4, 1, 1), None, g)
    assert not pays(x, torch.empty(2, 4, 17, 1), None, g), "the kernel does not fit"


UNFIT = {
    "fewer channels": ((1, 6, 16, 16), (2, 4, 3, 3), None),
    "more channels, within four times three": ((1, 6, 16, 16), (2, 8, 3, 3), None),
    "more channels": ((1, 6, 16, 16), (16, 9, 3, 3), None),
    "a bias of other results": ((1, 6, 16, 16), (3, 6, 3, 3), 1),
    "a kernel that is too wide": ((1, 6, 5, 2), (3, 6, 3, 3), None),
    "a kernel that is too high": ((1, 6, 2, 16), (3, 6, 3, 3), None),
}


@pytest.mark.parametrize("unfit", UNFIT)
@pytest.mark.parametrize("kind", [*KINDS, FixedPoint(winograd=True)], ids=(*IDS, "winograd"))
def test_what_does_not_fit_is_refused(kind: ExactProducts, unfit: str) -> None:
    x, weight, bias = UNFIT[unfit]
    with pytest.raises(ValueError, match="do not fit"):
        kind.conv(
            torch.ones(x),
            torch.ones(weight),
            None if bias is None else torch.ones(bias),
            Geometry((1, 1), (0, 0), (1, 1), 1),
        )

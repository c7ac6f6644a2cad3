"""What magnitudes of products add up to, beside numpy; and sums that only their own columns' weights tell apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlparity.engine.numerics.accumulators import FixedPoint, SequentialFp16
from mlparity.engine.numerics.kernels.blocks import in_sixteens
from mlparity.engine.numerics.kernels.fixed_point import packed
from mlparity.engine.numerics.kernels.magnitudes import add_those_below, are_below
from mlparity.engine.numerics.kernels.vectors import ROWS
from mlparity.engine.numerics.products import Geometry

KINDS = {"fixed": FixedPoint(), "sequential": SequentialFp16(), "eight lanes": SequentialFp16(lanes=8)}
DRAW = np.random.default_rng(7)


def lines(count: int, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return numbers, and where lines and their numbers are."""
    numbers = DRAW.normal(size=count * length).astype(np.float16).astype(np.float32)
    return numbers, np.arange(count) * length, np.arange(length)


@pytest.mark.parametrize("columns", [1, 16, 37])
@pytest.mark.parametrize("count", [1, ROWS])
def test_the_limit_is_between_what_the_greatest_column_adds_up_to_and_more(count: int, columns: int) -> None:
    numbers, starts, offsets = lines(count, 23)
    weights = DRAW.normal(size=(columns, 23)).astype(np.float32)
    blocks = in_sixteens(weights[None])[0]
    most = float((np.abs(numbers.reshape(count, 23).astype(np.float64)) @ np.abs(weights.T)).max())
    assert are_below(numbers, starts, offsets, False, blocks, most * (1 + 1e-5))
    assert not are_below(numbers, starts, offsets, False, blocks, most * (1 - 1e-5))
    numbers[-1] = np.nan
    assert not are_below(numbers, starts, offsets, False, blocks, 1e30)


def test_lines_that_are_known_stay_so_and_others_are_told_apart() -> None:
    numbers, starts, offsets = lines(4 * ROWS, 9)
    numbers[9 * ROWS : 18 * ROWS] *= 1000
    blocks = in_sixteens(np.ones((1, 20, 9), np.float32))[0]
    first, known = np.arange(0, 4 * ROWS, ROWS), np.array([False, False, True, False])
    add_those_below(numbers, starts, offsets, False, blocks, 100.0, first, ROWS, known)
    assert known.tolist() == [True, False, True, True]


def test_four_columns_are_told_by_their_greatest() -> None:
    weights = DRAW.normal(size=(2, 67, 5)).astype(np.float16).astype(np.float32)
    quads = packed(weights, None).quads
    padded = np.abs(np.pad(weights, ((0, 0), (0, 1), (0, 0))))
    assert np.array_equal(quads[:, 0, :, 3], padded[:, 12:16].max(1))
    assert np.array_equal(quads[:, 1, :, 0], padded[:, 64:68].max(1))
    assert packed(weights[:, :16], None).quads.size == 0


@pytest.mark.parametrize("columns", [3, 64, 130])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [1.0, 6.0, 40.0], ids=["below", "some above", "infinite"])
def test_bits_are_those_without_kernels_whatever_the_bound_tells(
    kind: str, columns: int, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each column has large weights at places of its own, so that the greatest by place tell nothing of any."""
    weights = torch.from_numpy(DRAW.normal(size=(columns, 4, 33, 1)).astype(np.float32))
    weights[torch.arange(columns) % columns, torch.arange(columns) % 4, torch.arange(columns) % 33] = 900.0
    x = torch.from_numpy(DRAW.normal(size=(2, 4, 41, 1)).astype(np.float32)) * scale
    arguments = x.half().float(), weights.half().float(), None, Geometry((1, 1), (0, 0), (1, 1), 1)
    found = KINDS[kind].conv(*arguments)
    monkeypatch.setenv("MLPARITY_KERNELS", "off")
    expected = KINDS[kind].conv(*arguments)
    assert torch.equal(found.nan_to_num(7.0), expected.nan_to_num(7.0))

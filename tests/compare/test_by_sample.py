"""The largest difference by sample: every sample counts, in bounded memory, and a run may stop and go on anywhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlparity.compare.by_sample import STRETCHES, SampleTally, with_sample
from mlparity.compare.comparer import Comparer


def tally(values: list[float | None]) -> SampleTally:
    found = SampleTally()
    for value in values:
        found = with_sample(found, value)
    return found


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from([None, 0.0, 0.5, 2.0, math.inf]), max_size=5 * STRETCHES))
def test_a_stretch_has_the_largest_of_its_samples(values: list[float | None]) -> None:
    found = tally(values)
    width = found.width
    parts = [values[at : at + width] for at in range(0, len(values), width)]
    assert found.largest == tuple(max((value for value in part if value is not None), default=None) for part in parts)
    assert len(found.largest) <= STRETCHES
    assert (found.samples, found.unread) == (len(values), values.count(None))
    assert found.unequal == values.count(math.inf)


@pytest.mark.parametrize(("count", "width"), [(STRETCHES, 1), (STRETCHES + 1, 2), (2 * STRETCHES + 1, 4)])
def test_stretches_grow_when_they_are_full(count: int, width: int) -> None:
    assert tally([1.0] * count).width == width


def test_a_comparison_that_goes_on_elsewhere_ends_with_the_same_drawings() -> None:
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=(2, 7)).astype(np.float32) for _ in range(STRETCHES + 9)]
    arrays[4][1, 2] = math.nan
    arrays[5][:] = math.nan
    whole, first, second = Comparer(), Comparer(), Comparer()
    for at, (source, artifact) in enumerate(arrays):
        for comparer in (whole, first if at < 60 else second):
            if at == 60 and comparer is second:
                second.restore(first.state(), lambda name: None)
            comparer.add(f"sample {at}", {"y": source}, {"y": artifact})
    assert whole.result() == second.result()
    (output,) = whole.result()
    assert output.by_sample is not None
    assert (output.by_sample.width, output.by_sample.samples) == (2, len(arrays))
    assert (output.by_sample.unequal, output.by_sample.unread) == (1, 1)
    assert output.by_sample.largest[2] == math.inf

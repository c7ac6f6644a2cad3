"""Which dimensions vary between samples, and which vary together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mlparity.core.lengths import FlexibleDim, lengths_of


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=6))
def test_bounds_are_those_of_the_samples(sizes: list[tuple[int, int]]) -> None:
    samples = [{"x": np.zeros((1, first, second)), "y": np.zeros((first,))} for first, second in sizes]
    found = lengths_of(samples)
    for axis, own in ((1, [first for first, _ in sizes]), (2, [second for _, second in sizes])):
        if len(set(own)) == 1:
            assert axis not in found.get("x", {})
        else:
            assert (found["x"][axis].lower, found["x"][axis].upper) == (min(own), max(own))
    if 1 in found.get("x", {}):
        assert found["y"][0].symbol_of("y", 0) == found["x"][1].symbol_of("x", 1)


def test_dimensions_of_other_sizes_have_other_symbols() -> None:
    found = lengths_of([{"x": np.zeros((2, 3))}, {"x": np.zeros((4, 6))}])
    assert found["x"] == {0: FlexibleDim(2, 4, "x_0"), 1: FlexibleDim(3, 6, "x_1")}


def test_no_sample_and_other_ranks_tell_nothing() -> None:
    assert lengths_of([]) == {}
    assert lengths_of([{"x": np.zeros(3)}, {"x": np.zeros((1, 3))}]) == {}
    assert lengths_of([{"x": np.zeros(3)}, {"y": np.zeros(4)}]) == {}

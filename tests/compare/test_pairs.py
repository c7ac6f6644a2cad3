"""Pairs of values to draw: bounded, the same in any grouping, the furthest kept, and nothing dropped in silence."""

from __future__ import annotations

import math
from functools import reduce
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mlparity.compare.comparer import Comparer
from mlparity.compare.pairs import APART, DRAWN, PairTally, merge_pairs, pairs_of
from mlparity.compare.tally import tally_of

VALUES = st.sampled_from([0.0, 0.5, 1.0, -2.0, 3.25, 1e30, math.nan, math.inf, -math.inf])


def tally(name: str, source: np.ndarray, artifact: np.ndarray, below: float = 0.0) -> PairTally:
    return pairs_of(name, source, artifact, tally_of(source, artifact)[1], below)


@st.composite
def samples(draw: st.DrawFn) -> list[tuple[str, np.ndarray, np.ndarray]]:
    sizes = draw(st.lists(st.integers(0, 60), min_size=1, max_size=8))
    arrays = [np.array(draw(st.lists(VALUES, min_size=2 * size, max_size=2 * size))) for size in sizes]
    return [(f"sample {at}", *array.reshape(2, -1)) for at, array in enumerate(arrays)]


@settings(deadline=None, max_examples=60)
@given(samples(), st.lists(st.integers(0, 20), max_size=4))
def test_any_grouping_keeps_what_one_pass_keeps(
    parts: list[tuple[str, np.ndarray, np.ndarray]], cuts: list[int]
) -> None:
    def one_pass(known: PairTally, part: tuple[str, np.ndarray, np.ndarray]) -> PairTally:
        return merge_pairs(known, tally(*part, known.edge))

    ends = [0, *sorted(cut % len(parts) for cut in cuts), len(parts)]
    groups = [reduce(one_pass, parts[start:end], PairTally()) for start, end in pairwise(ends)]
    whole = reduce(one_pass, parts, PairTally())
    assert reduce(lambda later, earlier: merge_pairs(earlier, later), reversed(groups)) == whole
    assert whole.finite + whole.undrawn == sum(source.size for _, source, _ in parts)
    assert len(whole.drawn) == min(DRAWN, whole.finite)


def test_the_furthest_are_kept_wherever_they_stand() -> None:
    rng = np.random.default_rng(0)
    known, gaps = PairTally(), []
    for at in range(5):
        source = rng.normal(size=10_000)
        gap = np.zeros(10_000)
        gap[rng.choice(10_000, 20, replace=False)] = sizes = rng.uniform(1, 9, 20)
        gaps += list(sizes)
        known = merge_pairs(known, tally(f"{at}", source, source + gap, known.edge))
    assert np.allclose([artifact - source for _, source, artifact in known.apart], sorted(gaps, reverse=True)[:APART])


def test_the_draw_is_even_over_positions_and_over_samples_of_any_size() -> None:
    known = PairTally()
    for at in range(400):
        size = 1000 if at % 2 else 100
        known = merge_pairs(known, tally(f"{at}", np.full(size, size, float), np.arange(size) / size))
    large = sum(source == 1000 for _, source, _ in known.drawn)
    assert large / DRAWN > 0.8, "a sample of a thousand values has ten times the draws of one of a hundred"
    places = np.array([place for _, _, place in known.drawn])
    assert 0.3 < places.mean() < 0.7


def test_what_cannot_be_drawn_is_counted_and_the_rest_is_true() -> None:
    comparer = Comparer()
    source = np.array([1.0, math.nan, 2.0, math.inf, math.nan], np.float32)
    comparer.add("one", {"y": source}, {"y": np.array([1.5, 0.0, math.nan, math.inf, math.nan], np.float32)})
    (output,) = comparer.result()
    assert output.pairs is not None
    assert output.pairs.drawn == output.pairs.apart == ((1.0, 1.5),)
    assert (output.pairs.finite, output.pairs.undrawn) == (1, 4)


def test_equal_values_are_not_furthest_apart() -> None:
    known = tally("one", np.arange(50.0), np.arange(50.0))
    assert known.apart == ()
    assert len(known.drawn) == 50

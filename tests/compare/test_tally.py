"""The sums of one output: by hand, merged, and integers that float64 does not hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.compare.decisions import DecisionTally, merge_decisions
from mlparity.compare.masks import MaskTally, merge_masks
from mlparity.compare.retrieval import RetrievalTally
from mlparity.compare.tally import Tally, TaskTally, merge, merge_tasks, tally_of
from mlparity.compare.user_metric import MetricTally

FIRST = Tally(
    elements=10,
    finite=7,
    max_abs=3.0,
    min_abs=0.5,
    sum_abs=5.0,
    squared_error=11.0,
    source_energy=13.0,
    artifact_energy=17.0,
    product=19.0,
    source_max=23.0,
    source_min=-29.0,
    nans=3,
    nan_mismatches=2,
    new_nans=1,
    inf_mismatches=4,
)
SECOND = Tally(
    elements=100,
    finite=70,
    max_abs=2.0,
    min_abs=0.25,
    sum_abs=50.0,
    squared_error=110.0,
    source_energy=130.0,
    artifact_energy=170.0,
    product=190.0,
    source_max=24.0,
    source_min=-28.0,
    nans=30,
    nan_mismatches=20,
    new_nans=10,
    inf_mismatches=40,
)


def test_sums_add_up_and_extremes_stay() -> None:
    whole = Tally(
        elements=110,
        finite=77,
        max_abs=3.0,
        min_abs=0.25,
        sum_abs=55.0,
        squared_error=121.0,
        source_energy=143.0,
        artifact_energy=187.0,
        product=209.0,
        source_max=24.0,
        source_min=-29.0,
        nans=33,
        nan_mismatches=22,
        new_nans=11,
        inf_mismatches=44,
    )
    assert merge(FIRST, SECOND) == merge(SECOND, FIRST) == whole


def test_the_empty_tally_changes_nothing() -> None:
    assert merge(FIRST, Tally()) == merge(Tally(), FIRST) == FIRST


def test_decisions_add_up_and_their_names_are_cut() -> None:
    first = DecisionTally(5, 1, 0.5, 0.5, 0.75, 3, 1, 5, 20, 25, tuple("abcdefghijkl"))
    second = DecisionTally(50, 10, 0.25, 0.375, 1.5, 30, 10, 50, 200, 250, tuple("mnopqrstuvwxyz"))
    whole = DecisionTally(55, 11, 0.25, 0.5, 1.5, 33, 11, 55, 220, 275, tuple("abcdefghijklmnopqrst"))
    assert merge_decisions(first, second) == whole
    assert merge_decisions(first, None) == merge_decisions(None, first) == first
    assert merge_decisions(None, None) is None


def test_masks_add_up() -> None:
    first, second = MaskTally(1, 0.5, 0.5, 3, 10), MaskTally(2, 1.25, 0.25, 4, 20)
    assert merge_masks(first, second) == MaskTally(3, 1.75, 0.25, 7, 30)
    assert merge_masks(first, None) == merge_masks(None, first) == first


def test_a_task_that_one_side_has_is_kept() -> None:
    searched, other = RetrievalTally(queries=3), RetrievalTally(queries=4)
    parts = TaskTally(DecisionTally(1), MaskTally(1), searched)
    assert merge_tasks(TaskTally(), parts) == merge_tasks(parts, TaskTally()) == parts
    assert merge_tasks(parts, TaskTally(retrieval=other)).retrieval == searched


def test_a_tally_by_hand() -> None:
    source = np.array([[3.0, -1.0, 0.5], [math.nan, math.inf, math.inf], [math.nan, 8.0, -9.0]])
    artifact = np.array([[5.0, -1.0, -0.5], [math.nan, math.inf, -math.inf], [2.0, math.nan, math.inf]])
    tally, difference = tally_of(source, artifact)
    assert difference.tolist() == [2.0, 0.0, 1.0]
    assert tally == Tally(
        elements=9,
        finite=3,
        max_abs=2.0,
        min_abs=0.0,
        sum_abs=3.0,
        squared_error=5.0,
        source_energy=9.0 + 1.0 + 0.25,
        artifact_energy=25.0 + 1.0 + 0.25,
        product=15.0 + 1.0 - 0.25,
        source_max=8.0,
        source_min=-9.0,
        nans=3,
        nan_mismatches=2,
        new_nans=1,
        inf_mismatches=2,
    )
    assert tally.scale == 9.0


@pytest.mark.parametrize(
    ("values", "scale"), [([2.0, -3.0], 3.0), ([2.0, -1.0], 2.0), ([0.0], 0.0), ([math.inf, math.nan], 0.0), ([], 0.0)]
)
def test_the_scale_is_the_largest_finite_value(values: list[float], scale: float) -> None:
    assert tally_of(np.array(values), np.array(values))[0].scale == scale


BIG = 2**53


@pytest.mark.parametrize(
    ("source", "artifact", "difference"),
    [
        (np.array([-128, 127], np.int8), np.array([127, -128], np.int8), [255, 255]),
        (np.array([0, 255], np.uint8), np.array([255, 254], np.uint8), [255, 1]),
        (np.array([BIG, -BIG], np.int64), np.array([BIG + 1, -BIG - 1], np.int64), [1, 1]),
        (np.array([-(2**63)], np.int64), np.array([2**63 - 1], np.int64), [2.0**64]),
        (np.array([2**64 - 1, 7], np.uint64), np.array([2**64 - 2, 0], np.uint64), [1, 7]),
        # Of two kinds: exactly from 2^53 on, as float64 below.
        (np.array([BIG, 5], np.int64), np.array([BIG + 1, 3], np.uint64), [1, 2]),
        (np.array([-5, BIG + 1], np.int64), np.array([5, BIG], np.uint64), [10, 1]),
        (np.array([BIG + 1], np.int64), np.array([float(BIG)]), [1]),
        (np.array([float(BIG), 0.5]), np.array([BIG + 1, 1], np.uint64), [1, 0.5]),
        (np.array([2**62 + 1], np.int64), np.array([2.0**62], np.float32), [1]),
        (np.array([True, False]), np.array([False, False]), [1, 0]),
        (np.array([True]), np.array([3], np.int32), [2]),
        (np.array([1.5, math.nan]), np.array([1, BIG + 1], np.int64), [0.5]),
    ],
)
def test_integers_are_subtracted_exactly(source: np.ndarray, artifact: np.ndarray, difference: list[float]) -> None:
    for first, second in ((source, artifact), (artifact, source)):
        assert tally_of(first, second)[1].tolist() == difference


@given(st.lists(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 2), min_size=1, max_size=6))
def test_any_two_integers_differ_by_what_python_says(pairs: list[tuple[int, int]]) -> None:
    source, artifact = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    assert tally_of(source, artifact)[1].tolist() == [float(abs(first - second)) for first, second in pairs]


def test_empty_tallies_are_the_neutral_ones() -> None:
    inf = math.inf
    assert DecisionTally() == DecisionTally(0, 0, inf, -inf, 0.0, 0, 0, 0, 0, 0, ())
    assert MaskTally() == MaskTally(0, 0.0, inf, 0, 0)
    assert RetrievalTally() == RetrievalTally(0, 0, 0.0, 0, 0.0, inf)
    assert MetricTally() == MetricTally(0, 0, 0.0, None, "")
    assert Tally() == Tally(
        0, 0, -inf, inf, 0.0, 0.0, 0.0, 0.0, 0.0, -inf, inf, 0, 0, 0, 0, TaskTally(None, None, None)
    )

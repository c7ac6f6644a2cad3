"""What is certain of decisions: margins, the share of them that changes took, and thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlparity.compare.classes import looks_like_classes, tally_classes
from mlparity.compare.comparer import Comparer
from mlparity.compare.decisions import DecisionTally, tally_decisions
from mlparity.compare.thresholds import tally_threshold
from mlparity.record.figures import Flips, OutputFigures
from mlparity.record.policy import OutputTask, TaskKind

SCORES = arrays(np.float32, (3, 4), elements=st.floats(-8, 8, width=32))
CHANGES = arrays(np.float32, (3, 4), elements=st.floats(-2, 2, width=32))


def compare(source: object, artifact: object, task: OutputTask) -> OutputFigures:
    comparer = Comparer(tasks=(task,))
    comparer.add("a", {"y": np.asarray(source, np.float32)}, {"y": np.asarray(artifact, np.float32)})
    (output,) = comparer.result()
    return output


def flips_of(source: object, artifact: object, task: OutputTask) -> Flips:
    flips = compare(source, artifact, task).flips
    assert flips is not None
    return flips


def test_a_change_that_all_classes_share_consumes_no_margin() -> None:
    flips = flips_of([3.0, 1.0, 0.0], [103.0, 101.0, 100.0], OutputTask("y", TaskKind.CLASSES))
    assert (flips.margin_consumed, flips.certified) == (0.0, 1)


def test_the_margin_is_consumed_by_the_spread_of_the_changes() -> None:
    # 0.5 down and 0.75 up: two scores move against each other by 1.25, of a margin of 2.
    flips = flips_of([3.0, 1.0, 0.0], [2.5, 1.0, 0.75], OutputTask("y", TaskKind.CLASSES))
    assert (flips.margin_consumed, flips.certified) == (1.25 / 2, 1)
    # Half of the margin in both directions could make a tie.
    flips = flips_of([3.0, 1.0, 0.0], [4.0, 1.0, -1.0], OutputTask("y", TaskKind.CLASSES))
    assert (flips.margin_consumed, flips.certified) == (1.0, 0)


def test_an_infinite_change_and_a_zero_margin_certify_nothing() -> None:
    for source, artifact in (([3.0, 1.0], [math.inf, 1.0]), ([1.0, 1.0], [1.0, 1.5])):
        flips = flips_of(source, artifact, OutputTask("y", TaskKind.CLASSES))
        assert (flips.margin_consumed, flips.certified) == (math.inf, 0)
    flips = flips_of([1.0, 1.0], [1.0, 1.0], OutputTask("y", TaskKind.CLASSES))
    assert (flips.margin_consumed, flips.certified) == (0.0, 0)


@given(SCORES, CHANGES, st.integers(0, 2**32 - 1))
def test_no_change_of_a_certified_size_flips_a_row(source: np.ndarray, change: np.ndarray, seed: int) -> None:
    """The certificate holds for every arrangement of the changes, of which the one that was seen is only one."""
    scores = source.astype(np.float64)
    shuffled = np.random.default_rng(seed).permuted(change.astype(np.float64), axis=1)
    for row, own, other in zip(scores, change.astype(np.float64), shuffled, strict=True):
        tally = tally_classes(row[None], (row + own)[None], "a")
        if tally.certified:
            assert (row + other).argmax() == row.argmax()
            assert tally.flipped == 0
        # Below, float64 loses the margin in the changed scores.
        if tally.flipped and tally.flipped_margin > 1e-12 * np.abs(own).max():
            assert tally.consumed > 1 - 1e-9


def test_the_class_axis_can_be_named() -> None:
    source = np.zeros((1, 3, 2), np.float32)
    source[0, 1, :] = 1
    artifact = source.copy()
    artifact[0, 2, 1] = 2
    flips = flips_of(source, artifact, OutputTask("y", TaskKind.CLASSES, axis=1))
    assert (flips.flipped, flips.samples) == (1, 2)


def test_top_k_flips() -> None:
    source, artifact = [9.0, 8.0, 7.0, 1.0], [8.0, 9.0, 1.0, 7.0]
    figures = {k: compare(source, artifact, OutputTask("y", TaskKind.CLASSES, k=k)).figures for k in (2, 3, 4)}
    assert (figures[2]["topk_flips"], figures[3]["topk_flips"]) == (0, 1)
    assert "topk_flips" not in figures[4]


def test_a_threshold() -> None:
    task = OutputTask("y", TaskKind.THRESHOLD, threshold=0.5)
    output = compare([[0.25], [0.625], [0.5]], [[0.375], [0.375], [0.5]], task)
    assert output.flips is not None
    assert (output.flips.flipped, output.flips.samples) == (1, 3)
    assert (output.flips.smallest_margin, output.flips.flipped_margin) == (0.0, 0.125)
    assert (output.flips.margin_consumed, output.flips.certified) == (2.0, 1)
    assert output.figures["flip_rate"] == 1 / 3
    assert "topk_flips" not in output.figures


def test_a_threshold_with_nan_and_infinity() -> None:
    source = np.array([math.nan, math.inf, 1.0, -math.inf], np.float32)
    artifact = np.array([1.0, math.inf, math.inf, -math.inf], np.float32)
    tally = tally_threshold(source, artifact, "a", 0.0)
    assert (tally.decisions, tally.flipped, tally.consumed, tally.certified) == (3, 0, math.inf, 2)
    assert tally_threshold(np.zeros(0), np.zeros(0), "a", 0.0).decisions == 0
    assert tally_threshold(np.array(1.0), np.array(-1.0), "a", 0.0).flipped == 1


def test_few_samples_leave_many_flips_possible() -> None:
    task = OutputTask("y", TaskKind.CLASSES)
    few = compare([[1.0, 0.0]] * 10, [[1.0, 0.0]] * 10, task).figures["flip_rate_high"]
    many = compare([[1.0, 0.0]] * 1000, [[1.0, 0.0]] * 1000, task).figures["flip_rate_high"]
    assert few is not None
    assert many is not None
    assert few > 0.25
    assert many < 0.004


EPS = float(np.finfo(np.float64).eps)


@pytest.mark.parametrize(
    ("margin", "change", "largest", "consumed", "certified"),
    [
        (2.0, 0.5, 0.5, 0.25, 1),
        (2.0, 2.0, 2.0, 1.0, 0),
        (2.0, 3.0, 3.0, 1.5, 0),
        (0.0, 0.0, 0.0, 0.0, 0),
        (1.0, 0.5, 0.5, 0.5, 1),
        (0.0, 1e-300, 0.0, math.inf, 0),
        (math.inf, 1.0, 1.0, 0.0, 1),
        (math.inf, math.inf, 1.0, math.inf, 0),
        # Four roundings of the largest change are taken off the margin.
        (1.0, 1.0 - 4.5 * EPS, 1.0, 1.0 - 4.5 * EPS, 1),
        (1.0, 1.0 - 3.5 * EPS, 1.0, 1.0 - 3.5 * EPS, 0),
        (1.0, 1.0 - 3.5 * EPS, 0.5, 1.0 - 3.5 * EPS, 1),
    ],
)
def test_what_a_change_takes_of_a_margin(
    margin: float, change: float, largest: float, consumed: float, certified: int
) -> None:
    margins, changes, extremes, flipped = (np.array([each]) for each in (margin, change, largest, False))
    tally = tally_decisions(margins, changes, extremes, flipped, "a")
    assert (tally.consumed, tally.certified) == (consumed, certified)
    assert (tally.decisions, tally.flipped, tally.smallest_margin, tally.names) == (1, 0, margin, ())
    assert tally.flipped_margin == -math.inf


def test_several_decisions_by_hand() -> None:
    margins, changes, flipped = np.array([1.0, 4.0, 0.5]), np.array([0.5, 3.0, 2.0]), np.array([True, False, True])
    tally = tally_decisions(margins, changes, changes, flipped, "photo")
    assert tally == DecisionTally(3, 2, 0.5, 1.0, 4.0, 2, names=("photo",))
    nothing = np.zeros(0)
    assert tally_decisions(nothing, nothing, nothing, nothing, "photo") == DecisionTally()


@pytest.mark.parametrize(
    ("source", "artifact", "k", "kept"),
    [
        # (rows whose best k changed, rows, best five kept, of)
        ([5.0, 4, 3, 2, 1, 0], [0.0, 4, 3, 2, 1, 5], 2, (1, 1, 4, 5)),
        ([5.0, 4, 3, 2, 1, 0], [5.0, 4, 3, 2, 0, 1], 2, (0, 1, 4, 5)),
        ([5.0, 4, 3, 2, 1, 0], [5.0, 4, 3, 2, 1, 1], 5, (0, 1, 5, 5)),  # a tie is kept
        ([5.0, 4, 3, 2, 1], [0.0, 4, 3, 2, 1], 5, (0, 0, 0, 0)),  # five classes have no best five
        ([5.0, 4, 3, 2, 1], [0.0, 4, 3, 2, 1], 4, (1, 1, 0, 0)),
    ],
)
def test_the_best_classes_that_stay(
    source: list[float], artifact: list[float], k: int, kept: tuple[int, int, int, int]
) -> None:
    tally = tally_classes(np.array([source]), np.array([artifact]), "a", k=k)
    assert (tally.topk_flipped, tally.topk_of, tally.top5_kept, tally.top5_of) == kept


def test_rows_of_class_scores_by_hand() -> None:
    source = np.array([[3.0, 1.0, 2.5], [0.0, 4.0, -1.0], [1.0, 1.0, 0.0]])
    artifact = np.array([[2.0, 1.0, 2.75], [0.5, 4.0, -1.5], [1.0, 1.0, 0.0]])
    tally = tally_classes(source, artifact, "a")
    # Margins 0.5, 4 and 0; changes against each other of 1.25, 1 and 0.
    assert (tally.decisions, tally.flipped, tally.certified) == (3, 1, 1)
    assert (tally.smallest_margin, tally.flipped_margin, tally.consumed) == (0.0, 0.5, 2.5)


@pytest.mark.parametrize(
    ("shape", "dtype", "looks"),
    [
        ((2,), np.float32, True),
        ((3, 2), np.float16, True),
        ((1,), np.float32, False),
        ((3, 1), np.float32, False),
        ((), np.float32, False),
        ((1, 2, 2), np.float32, False),
        ((3, 2), np.int64, False),
    ],
)
def test_what_looks_like_class_scores(shape: tuple[int, ...], dtype: type, looks: bool) -> None:
    assert looks_like_classes(np.zeros(shape, dtype)) is looks


@pytest.mark.parametrize(
    ("source", "artifact", "flipped"),
    [(0.5, 0.5, 0), (0.5, 0.4999, 1), (0.4999, 0.5, 1), (0.4999, 0.4, 0), (0.5, 0.9, 0)],
)
def test_a_decision_is_positive_from_the_threshold_on(source: float, artifact: float, flipped: int) -> None:
    tally = tally_threshold(np.array([source]), np.array([artifact]), "a", 0.5)
    assert tally.flipped == flipped
    assert tally.smallest_margin == abs(source - 0.5)


@pytest.mark.parametrize(("source", "artifact"), [(math.nan, 1.0), (1.0, math.nan), (math.nan, math.nan)])
def test_a_score_that_is_no_number_decides_nothing(source: float, artifact: float) -> None:
    assert tally_threshold(np.array([source]), np.array([artifact]), "a", 0.5).decisions == 0


def test_many_classes_by_the_definitions() -> None:
    random = np.random.default_rng(3)
    source, artifact = random.standard_normal((2, 40, 300))
    tally = tally_classes(source, artifact, "a", k=3)
    best = [set(np.argsort(row)[-3:]) for row in source]
    kept = [set(np.argsort(row)[-3:]) for row in artifact]
    assert tally.topk_flipped == sum(first != second for first, second in zip(best, kept, strict=True))
    five = [len(set(np.argsort(a)[-5:]) & set(np.argsort(b)[-5:])) for a, b in zip(source, artifact, strict=True)]
    assert (tally.top5_kept, tally.top5_of) == (sum(five), 200)
    ordered = np.sort(source, axis=1)
    assert tally.smallest_margin == (ordered[:, -1] - ordered[:, -2]).min()


def test_the_last_axis_and_five_best_unless_others_are_named() -> None:
    source = np.array([6.0, 5, 4, 3, 2, 1])
    tally = tally_classes(source, source[[0, 1, 2, 3, 5, 4]], "a")
    assert (tally.decisions, tally.topk_flipped, tally.topk_of) == (1, 1, 1)
    assert tally_classes(source, source[[1, 0, 2, 3, 4, 5]], "a").topk_flipped == 0

"""What is certain of decisions: margins, the share of them that changes took, and thresholds."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mlparity.compare.classes import tally_classes
from mlparity.compare.comparer import Comparer
from mlparity.compare.thresholds import tally_threshold
from mlparity.core.policy import OutputTask, TaskKind
from mlparity.core.record import Flips, OutputFigures

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

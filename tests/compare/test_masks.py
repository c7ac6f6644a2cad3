"""Intersection over union: by hand, empty masks, NaN, and the mean over samples."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.masks import MaskTally, tally_mask
from mlparity.record.policy import OutputTask, TaskKind


def scores(classes: list[list[int]], count: int) -> np.ndarray:
    """Scores (1, count, height, width) whose largest along axis 1 are the given classes."""
    return np.moveaxis(np.eye(count, dtype=np.float32)[np.array(classes)], -1, 0)[None]


def test_the_mean_over_classes_by_hand() -> None:
    tally = tally_mask(scores([[0, 0], [1, 1]], 3), scores([[0, 1], [1, 1]], 3), 1, None)
    # Class 0: 1 of 2. Class 1: 2 of 3. Class 2 is in neither mask.
    assert tally.iou_sum == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert (tally.changed, tally.pixels) == (1, 4)


def test_a_threshold_by_hand() -> None:
    tally = tally_mask(np.array([0.2, 0.5, 0.9]), np.array([0.6, 0.5, 0.4]), None, 0.5)
    assert tally.iou_sum == pytest.approx(1 / 3)
    assert tally.changed == 2


def test_two_empty_masks_agree_and_one_does_not() -> None:
    low, high = np.zeros(4), np.ones(4)
    assert tally_mask(low, low, None, 0.5).iou_sum == 1.0
    assert tally_mask(low, high, None, 0.5).iou_sum == 0.0


def test_a_nan_belongs_to_no_class() -> None:
    source = scores([[0, 1]], 2)
    artifact = source.copy()
    artifact[0, 0, 0, 0] = math.nan
    tally = tally_mask(source, artifact, 1, None)
    assert (tally.iou_sum, tally.changed) == (0.5, 1)
    assert tally_mask(np.array([math.nan]), np.array([math.nan]), None, 0.5).changed == 0


def test_mean_and_worst_over_samples() -> None:
    comparer = Comparer(tasks=(OutputTask("y", TaskKind.MASK, threshold=0.5),))
    for number, other in enumerate(([1.0, 1.0], [1.0, 0.0], [0.0, 0.0])):
        comparer.add(str(number), {"y": np.ones(2)}, {"y": np.array(other)})
    (output,) = comparer.result()
    assert output.figures["mask_iou"] == pytest.approx(0.5)
    assert (output.figures["mask_iou_worst"], output.figures["mask_changed"]) == (0.0, 0.5)
    assert output.flips is None


def test_an_empty_output_has_no_mask() -> None:
    assert tally_mask(np.zeros(0), np.zeros(0), None, 0.5) == MaskTally(0, 0.0, math.inf, 0, 0)
    comparer = Comparer(tasks=(OutputTask("y", TaskKind.MASK, threshold=0.5),))
    comparer.add("a", {"y": np.zeros(0)}, {"y": np.zeros(0)})
    assert comparer.result()[0].figures["mask_iou"] is None


def test_pixels_of_nan_on_both_sides_are_not_counted() -> None:
    nan, first, second = np.full(2, math.nan), np.array([math.nan, 1.0]), np.array([math.nan, 0.0])
    assert tally_mask(nan, nan, None, 0.5).samples == 0
    assert tally_mask(np.stack([nan, nan]), np.stack([nan, nan]), 0, None).samples == 0
    tally = tally_mask(first, second, None, 0.5)
    assert (tally.samples, tally.iou_sum, tally.changed, tally.pixels) == (1, 0.0, 1, 1)


def test_scores_are_positive_from_zero_on_unless_a_threshold_is_named() -> None:
    tally = tally_mask(np.array([-0.5, 0.0, 0.5]), np.array([0.5, -0.5, 0.5]), None, None)
    assert tally.iou_sum == pytest.approx(1 / 3)
    assert (tally.changed, tally.pixels) == (2, 3)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_score_that_is_nan_on_one_side_is_a_pixel_that_changed(score: float) -> None:
    for source, artifact in ((score, math.nan), (math.nan, score)):
        tally = tally_mask(np.array([source, 1.0]), np.array([artifact, 1.0]), None, 0.5)
        assert (tally.samples, tally.changed, tally.pixels) == (1, 1, 2)

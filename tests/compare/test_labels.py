from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.compare.comparer import Comparer
from mlparity.compare.labels import LabelTally, labels_of, mcnemar, merge_labels, tally_labels
from mlparity.core.labels import Labels
from mlparity.record.figures import ChangedClass

LABELS = Labels(("cat", "dog", "owl"))


def scores(best: int, classes: int = 3) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[best : best + 1]


def test_accuracies_and_changes_are_counted() -> None:
    seen = [("cat/1", 0, 0), ("cat/2", 0, 1), ("dog/1", 1, 1), ("owl/1", 0, 2), ("owl/2", 0, 1), ("cat/3", 0, 1)]
    comparer = Comparer(labels=LABELS)
    for sample, source, artifact in seen:
        comparer.add(sample, {"y": scores(source)}, {"y": scores(artifact)})
    (output,) = comparer.result()
    found = output.labels
    assert found is not None
    assert (found.samples, found.source_right, found.artifact_right) == (6, 4, 3)
    assert (found.only_source_right, found.only_artifact_right) == (2, 1)
    assert found.changed == (
        ChangedClass("cat", "cat", "dog", 2),
        ChangedClass("owl", "cat", "owl", 1),
        ChangedClass("owl", "cat", "dog", 1),
    )
    assert output.figures["accuracy"] == pytest.approx(0.5)
    assert output.figures["accuracy_loss"] == pytest.approx(1 / 6)


def test_scores_with_a_nan_are_in_no_class() -> None:
    tally = tally_labels(LABELS, scores(0), np.full((1, 3), np.nan), "cat/1")
    found = labels_of(tally, LABELS)
    assert found is not None
    assert (found.source_right, found.artifact_right) == (1, 0)
    assert found.changed == (ChangedClass("cat", "cat", "no class (NaN)", 1),)


def test_several_rows_and_no_labels_tell_no_accuracy() -> None:
    assert tally_labels(LABELS, np.zeros((2, 3)), np.zeros((2, 3)), "cat/1") is None
    comparer = Comparer()
    comparer.add("cat/1", {"y": scores(0)}, {"y": scores(0)})
    assert comparer.result()[0].labels is None
    assert "accuracy" not in comparer.result()[0].figures


def test_why_labels_are_not_used_is_kept() -> None:
    comparer = Comparer(labels=LABELS)
    comparer.add("cat/1", {"y": scores(0, 1000)}, {"y": scores(0, 1000)})
    (output,) = comparer.result()
    assert output.labels is not None
    assert output.labels.samples == 0
    assert "3 folders" in output.labels.unused
    assert "accuracy" not in output.figures


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=20), st.integers(0, 20))
def test_tallies_merge_to_that_of_all(seen: list[tuple[int, int, int]], cut: int) -> None:
    each = [tally_labels(LABELS, scores(one), scores(two), f"{LABELS.folders[label]}/1") for label, one, two in seen]
    halves: list[LabelTally | None] = [None, None]
    for index, tally in enumerate(each):
        halves[index >= cut] = merge_labels(halves[index >= cut], tally)
    whole: LabelTally | None = None
    for tally in each:
        whole = merge_labels(whole, tally)
    assert merge_labels(*halves) == whole
    assert whole is not None
    assert whole.source_right == sum(one == label for label, one, _ in seen)
    assert whole.artifact_right == sum(two == label for label, _, two in seen)
    assert sum(whole.changed.values()) == sum(one != two for _, one, two in seen)


@pytest.mark.parametrize(("first", "second"), list(product(range(6), range(6))))
def test_the_exact_test_is_the_binomial_s(first: int, second: int) -> None:
    trials, least = first + second, min(first, second)
    tail = sum(math.comb(trials, count) for count in range(least + 1)) / 2**trials
    assert mcnemar(first, second) == pytest.approx(min(1.0, 2 * tail))


def test_the_exact_test_of_many_samples_ends() -> None:
    assert mcnemar(20_000, 19_000) == pytest.approx(4e-7, rel=0.5)

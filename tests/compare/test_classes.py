"""Flips of the top class, margins, top-5 agreement and the interval of a rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.decisions import wilson_interval
from mlparity.record.figures import OutputFigures


def compare(source: object, artifact: object, class_outputs: tuple[str, ...] | None = None) -> OutputFigures:
    comparer = Comparer(class_outputs=class_outputs)
    comparer.add("a", {"y": np.asarray(source, np.float32)}, {"y": np.asarray(artifact, np.float32)})
    (output,) = comparer.result()
    return output


def test_flips_and_margins() -> None:
    output = compare(
        [[5.0, 1.0, 0.0], [2.0, 1.5, 0.0], [0.0, 3.0, 1.0]], [[5.0, 1.0, 0.0], [1.0, 1.5, 0.0], [0.0, 3.0, 1.0]]
    )
    assert output.flips is not None
    assert output.figures["flips"] == output.flips.flipped == 1
    assert output.flips.samples == 3
    assert output.flips.smallest_margin == output.flips.flipped_margin == 0.5
    assert output.flips.flipped_names == ("a",)


def test_no_flip_has_no_flipped_margin() -> None:
    flips = compare([1.0, 2.0], [1.0, 3.0]).flips
    assert flips is not None
    assert (flips.flipped, flips.flipped_margin, flips.flipped_names) == (0, None, ())


def test_of_equal_scores_the_first_counts() -> None:
    assert compare([1.0, 1.0], [1.0, 1.0]).figures["flips"] == 0
    assert compare([1.0, 1.0], [0.0, 1.0]).figures["flips"] == 1


def test_equal_infinities_have_no_margin() -> None:
    flips = compare([math.inf, math.inf, 0.0], [math.inf, math.inf, 0.0]).flips
    assert flips is not None
    assert flips.smallest_margin == 0.0


def test_rows_with_nan_are_not_counted() -> None:
    output = compare([[math.nan, 1.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]])
    assert output.flips is not None
    assert output.flips.samples == 1
    assert compare([[math.nan, 1.0]], [[0.0, 1.0]]).figures["flips"] is None


@pytest.mark.parametrize("shape", [(), (1,), (4, 1), (1, 3, 4), (1, 2, 3, 4)])
def test_what_is_no_class_score_has_no_flips(shape: tuple[int, ...]) -> None:
    output = compare(np.zeros(shape), np.zeros(shape))
    assert "flips" not in output.figures
    assert output.flips is None


def test_class_outputs_can_be_named() -> None:
    source, artifact = [[[1.0, 2.0], [2.0, 1.0]]], [[[1.0, 2.0], [1.0, 2.0]]]
    assert compare(source, artifact, ("y",)).figures["flips"] == 1
    assert "flips" not in compare([1.0, 2.0], [2.0, 1.0], ()).figures
    assert "flips" not in compare(1.0, 2.0, ("y",)).figures


def test_top5() -> None:
    source = np.arange(10.0)
    artifact = source.copy()
    artifact[[4, 9]] = artifact[[9, 4]]
    assert compare(source, artifact).figures["top5_agreement"] == 0.8
    assert compare(source, source + 1).figures["top5_agreement"] == 1.0
    assert "top5_agreement" not in compare(source[:5], source[:5]).figures


@pytest.mark.parametrize("classes", [6, 11, 1000])
def test_the_best_of_scores_in_any_order(classes: int) -> None:
    # numpy sorts a short row whole, whichever part of it was asked for; not one of a thousand.
    for seed in range(20):
        random = np.random.default_rng(seed)
        source = random.permutation(classes)
        artifact = source + random.normal(0.0, 2.0, classes)
        kept = {int(each) for each in np.argsort(source)[-5:]} & {int(each) for each in np.argsort(artifact)[-5:]}
        output = compare(source, artifact)
        assert output.figures["top5_agreement"] == len(kept) / 5
        assert output.flips is not None
        assert output.flips.smallest_margin == 1.0


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    # The first two from the closed forms at the ends, the third from the defining quadratic, solved apart.
    [(0, 10, 0.0, 3.8414588 / 13.8414588), (10, 10, 10 / 13.8414588, 1.0), (1, 4, 0.0455874, 0.6993582)],
)
def test_wilson_interval(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=1e-6)
    for bound in wilson_interval(hits, trials):
        if 0 < bound < 1:
            z = abs(bound - hits / trials) / math.sqrt(bound * (1 - bound) / trials)
            assert z == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.parametrize("trials", range(1, 40))
def test_no_flip_may_be_none_at_all_and_all_may_be_all(trials: int) -> None:
    assert wilson_interval(0, trials)[0] == 0.0
    assert wilson_interval(trials, trials)[1] == 1.0
    assert 0.0 < wilson_interval(trials, trials)[0] < 1.0
    assert 0.0 < wilson_interval(0, trials)[1] < 1.0

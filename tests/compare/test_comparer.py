"""Pairing outputs, keeping the worst samples, and reading the source's own noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlparity.compare.align import align
from mlparity.compare.comparer import Comparer


def array(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def test_outputs_pair_by_name_in_any_order() -> None:
    alignment = align({"a": array(2), "b": array(3)}, {"b": array(3), "a": array(2), "extra": array(1)})
    assert alignment.pairs == (("a", "a"), ("b", "b"))
    assert alignment.problems == ()


def test_outputs_pair_by_position_where_no_name_matches() -> None:
    assert align({"a": array(2), "b": array(3)}, {"x": array(2), "y": array(3)}).pairs == (("a", "x"), ("b", "y"))


def test_a_scalar_pairs_with_one_element() -> None:
    assert align({"a": array()}, {"a": array(1)}).pairs == (("a", "a"),)


@pytest.mark.parametrize(
    ("source", "artifact", "words"),
    [
        ({"a": array(2)}, {"x": array(3)}, "no output could be paired"),
        ({"a": array(2)}, {"x": array(2), "y": array(2)}, "no output could be paired"),
        ({}, {"x": array(2)}, "the source has none"),
        ({"a": array(2)}, {"a": array(1, 2)}, "a: the shapes differ: source (2,), artifact (1, 2)"),
        ({"a": array(2), "b": array(2)}, {"a": array(2)}, "b: the artifact has no such output"),
        ({"a": array(1)}, {"a": np.array(["cat"])}, "the artifact's type <U3 holds no real numbers"),
        ({"a": np.zeros(1, complex)}, {"a": array(1)}, "the source's type complex128"),
    ],
)
def test_what_cannot_be_paired_is_a_problem(
    source: dict[str, np.ndarray], artifact: dict[str, np.ndarray], words: str
) -> None:
    comparer = Comparer()
    comparer.add("one", source, artifact)
    comparer.add("two", source, artifact)
    (problem,) = comparer.problems
    assert words in problem


def test_worst_samples_are_the_largest_and_earliest() -> None:
    comparer = Comparer(worst_kept=3)
    asked = []

    def image(name: str) -> str:
        asked.append(name)
        return f"data:image/png;base64,{name}"

    for name, difference in [("a", 1.0), ("b", 3.0), ("c", 2.0), ("d", 3.0), ("e", 0.0)]:
        comparer.add(name, {"y": array(2)}, {"y": np.array([0.0, difference])}, lambda name=name: image(name))
    assert asked == []
    (output,) = comparer.result()
    assert [worst.sample for worst in output.worst] == ["b", "d", "c"]
    assert asked == ["b", "d", "c"]
    assert output.worst[0].mean_abs == 1.5
    assert output.worst[0].image.endswith("b")


def test_a_sample_with_a_nan_is_the_worst() -> None:
    comparer = Comparer()
    comparer.add("large", {"y": array(1)}, {"y": np.array([1e9])})
    comparer.add("nan", {"y": array(1)}, {"y": np.array([math.nan])})
    comparer.add("same nan", {"y": np.array([math.nan])}, {"y": np.array([math.nan])})
    (output,) = comparer.result()
    assert [(worst.sample, worst.max_abs) for worst in output.worst] == [("nan", math.inf), ("large", 1e9)]
    assert output.worst[0].image == ""


def test_nothing_added_gives_no_figures() -> None:
    assert Comparer().result() == ()

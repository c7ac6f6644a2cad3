"""Pairing outputs, keeping the worst samples, and reading the source's own noise."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from mlparity.compare.align import align, same_shape
from mlparity.compare.comparer import Comparer
from mlparity.compare.user_metric import LoadedMetric
from mlparity.record.policy import OutputTask, TaskKind, UserMetric


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
    (reason,) = (*comparer.problems, *comparer.unlike)
    assert words in reason
    assert bool(comparer.unlike) is ("type" not in words and bool(source))


def test_worst_samples_are_the_largest_and_earliest() -> None:
    comparer = Comparer(worst_kept=3)
    asked = []

    def image(name: str) -> str:
        asked.append(name)
        return f"data:image/png;base64,{name}"

    for name, difference in [("a", 1.0), ("b", 3.0), ("c", 2.0), ("d", 3.0), ("e", 0.0)]:
        comparer.add(name, {"y": array(2)}, {"y": np.array([0.0, difference])}, partial(image, name))
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


def test_five_worst_samples_and_twenty_problems_are_kept() -> None:
    comparer = Comparer()
    for number in range(30):
        comparer.add(str(number), {"y": array(1)}, {"y": np.array([float(number)])})
        lost = {f"lost{number}": array(1), f"complex{number}": array(1), "y": array(1)}
        comparer.add(str(number), lost, {"y": array(1), f"complex{number}": np.zeros(1, complex)})
    assert [worst.sample for worst in comparer.result()[0].worst] == ["29", "28", "27", "26", "25"]
    assert (len(comparer.problems), len(comparer.unlike)) == (20, 20)
    assert comparer.problems[-1].startswith("complex19: ")
    assert comparer.unlike[-1].startswith("lost19: ")


def test_a_mean_that_has_no_finite_position_is_infinite() -> None:
    comparer = Comparer()
    comparer.add("nan", {"y": array(1)}, {"y": np.array([math.nan])})
    comparer.add("half", {"y": array(2)}, {"y": np.array([math.inf, 3.0])})
    comparer.add("whole", {"y": array(2)}, {"y": np.array([1.0, 3.0])})
    found = [(worst.sample, worst.mean_abs) for worst in comparer.result()[0].worst]
    assert found == [("nan", math.inf), ("half", 3.0), ("whole", 2.0)]


TASKS = (
    OutputTask("scores", TaskKind.CLASSES),
    OutputTask("embedding", TaskKind.RETRIEVAL, k=2),
    OutputTask("mask", TaskKind.MASK, threshold=0.5),
)


def _outputs(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = {"scores": (1, 4), "embedding": (1, 3), "mask": (2, 2), "plain": (1, 2, 2)}
    return {name: random.standard_normal(shape) for name, shape in shapes.items()}


@pytest.mark.parametrize("stop", [0, 1, 3, 5])
def test_a_comparison_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch, stop: int) -> None:
    # A gallery of three, so that there are searches before the stop and after it.
    monkeypatch.setattr("mlparity.compare.retrieval.GALLERY", 3)
    whole, first, second = (Comparer(tasks=TASKS) for _ in range(3))
    for seed in range(6):
        for comparer in (whole, first if seed < stop else second):
            if seed == stop and comparer is second:
                second.restore(first.state(), lambda name: f"picture of {name}")
            comparer.add(f"sample {seed}", _outputs(seed), _outputs(seed + 100), f"picture of sample {seed}")
            comparer.add(f"sample {seed}", {"lone": array(1)}, {"other": array(2)})
    assert second.result() == whole.result()
    assert (second.problems, second.unlike) == (whole.problems, whole.unlike)
    assert second.state() == whole.state()


def test_comparers_of_other_metrics_do_not_go_on() -> None:
    def always(source: object, artifact: object) -> float:
        return 1.0

    one, two = (LoadedMetric(UserMetric(name, "task:f"), always, "") for name in ("one", "two"))
    stopped = Comparer(metrics=(one, two))
    stopped.add("a", {"y": array(1)}, {"y": array(1)})
    with pytest.raises(ValueError, match="zip"):
        Comparer(metrics=(one,)).restore(stopped.state(), lambda _: None)


@pytest.mark.parametrize(
    ("source", "artifact", "agrees"),
    [((), (), True), ((), (1,), True), ((1,), (), False), ((), (2,), False), ((), (1, 1), False), ((2,), (1,), False)],
)
def test_shapes_that_agree(source: tuple[int, ...], artifact: tuple[int, ...], agrees: bool) -> None:
    assert same_shape(source, artifact) is agrees


def test_a_problem_has_the_source_s_name_and_the_rest_is_compared() -> None:
    alignment = align({"a": array(2), "b": array(3)}, {"x": array(2), "y": np.zeros(3, complex)})
    assert alignment.pairs == (("a", "x"),)
    assert alignment.problems == ("b: the artifact's type complex128 holds no real numbers",)


@pytest.mark.parametrize("size", [1, 3])
def test_other_counts_of_outputs_are_not_paired_by_position(size: int) -> None:
    names = {f"x{number}": array(2) for number in range(size)}
    assert align({"a": array(2), "b": array(2)}, names).pairs == ()


def test_an_output_that_the_artifact_alone_has_is_a_problem_where_both_ways_are_compared() -> None:
    for comparer, problems in ((Comparer(), 0), (Comparer(both_ways=False), 0), (Comparer(both_ways=True), 1)):
        comparer.add("a", {"y": array(1)}, {"y": array(1), "more": array(1)})
        assert (len(comparer.problems), comparer.unlike) == (problems, ())


def test_outputs_of_other_names_are_paired_by_position_among_those_that_are_left() -> None:
    one, two = np.zeros((1, 2)), np.zeros((1, 3))
    paired = align({"y": one, "state_out": two}, {"state_out": two, "var_12": one})
    assert (paired.pairs, paired.unlike) == ((("y", "var_12"), ("state_out", "state_out")), ())
    other = align({"y": one, "state_out": two}, {"state_out": two, "var_12": np.zeros((1, 4))})
    assert (other.pairs, other.extra, len(other.unlike)) == ((("state_out", "state_out"),), ("var_12",), 1)

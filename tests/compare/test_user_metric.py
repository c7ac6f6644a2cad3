"""The user's own metric: called with what it is promised, summed, judged by its budget, and its errors told."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.user_metric import load_metric
from mlparity.compare.verdict import judge
from mlparity.core.errors import PolicyError
from mlparity.core.policy import Limit, Policy, UserMetric
from mlparity.core.record import TaskFigure
from mlparity.core.words import Verdict

FUNCTIONS = """
import numpy as np

def lost(source, artifact):
    return np.abs(source["y"] - artifact["y"]).sum()

def sometimes(source, artifact):
    return lost(source, artifact) if source["y"][0] > 0 else None

def never(source, artifact):
    return None

def nan(source, artifact):
    return float("nan")

def ratio(source, artifact):
    return float("inf") if lost(source, artifact) == 0 else 5.0

def many(source, artifact):
    return source["y"]

def fails(source, artifact):
    return source["boxes"]

def writes(source, artifact):
    source["y"][0] = 3
    return 0.0

number = 3
"""


@pytest.fixture(autouse=True)
def task_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "task.py").write_text(FUNCTIONS)
    monkeypatch.chdir(tmp_path)


def metric(name: str, **budget: float) -> UserMetric:
    bound = Limit(f"{name}.worst", **(budget or {"at_most": 1.0}))
    return UserMetric(name, f"task.py:{name}", worst=bound)


def compare(metric: UserMetric, *artifacts: float) -> Comparer:
    comparer = Comparer(metrics=(load_metric(metric),))
    for number, value in enumerate(artifacts):
        comparer.add(f"sample {number}", {"y": np.array([number])}, {"other": np.array([value])})
    return comparer


def verdict_of(metric: UserMetric, comparer: Comparer) -> tuple[Verdict, tuple[str, ...]]:
    judgement = judge(Policy("p", (), metrics=(metric,)), comparer.result(), (), (), comparer.task_figures)
    return judgement.verdict, judgement.reasons


def test_mean_worst_and_the_sample_that_has_it() -> None:
    comparer = compare(metric("lost"), 0.0, 3.0, 2.0)
    assert comparer.task_figures == (TaskFigure("lost", 3, 0, 2 / 3, 2.0, "sample 1"),)


def test_the_budget_decides() -> None:
    assert verdict_of(metric("lost"), compare(metric("lost"), 0.0, 2.0))[0] is Verdict.PASS
    verdict, (reason,) = verdict_of(metric("lost"), compare(metric("lost"), 0.0, 3.0))
    assert verdict is Verdict.FAIL
    assert reason == "lost: worst 2 is above 1 (sample 1)"
    mean = UserMetric("lost", "task.py:lost", mean=Limit("lost.mean", at_most=0.5))
    assert verdict_of(mean, compare(mean, 0.0, 3.0))[0] is Verdict.FAIL


def test_where_more_is_better_the_smallest_is_the_worst() -> None:
    more = metric("lost", at_least=1.5)
    comparer = compare(more, 3.0, 2.0)
    assert comparer.task_figures[0].worst == 1.0
    assert verdict_of(more, comparer)[0] is Verdict.FAIL


def test_none_is_a_sample_to_which_it_does_not_apply() -> None:
    figure = compare(metric("sometimes"), 5.0, 3.0).task_figures[0]
    assert (figure.samples, figure.skipped, figure.mean) == (1, 1, 2.0)
    verdict, (reason,) = verdict_of(metric("never"), compare(metric("never"), 5.0))
    assert verdict is Verdict.UNKNOWN
    assert "no value on these samples" in reason


def test_a_nan_is_unknown_and_names_the_sample() -> None:
    comparer = compare(metric("nan"), 1.0)
    assert math.isnan(comparer.task_figures[0].worst or 0.0)
    verdict, (reason,) = verdict_of(metric("nan"), comparer)
    assert verdict is Verdict.UNKNOWN
    assert reason == "nan: its worst is no number (sample 0)"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("many", "ndarray of shape (2,)"),
        ("fails", "KeyError: 'boxes'"),
        ("writes", "read-only"),
    ],
)
def test_an_error_of_the_function_is_told_with_its_place(name: str, words: str) -> None:
    comparer = Comparer(metrics=(load_metric(metric(name)),))
    with pytest.raises(PolicyError) as caught:
        comparer.add("cat.png", {"y": np.ones(2)}, {"y": np.ones(2)})
    assert words in str(caught.value)
    assert f"metrics.{name}, cat.png, " in caught.value.where
    assert "task.py" in caught.value.where


@pytest.mark.parametrize("function", ["task.py:nothing", "task.py:number", "nowhere.py:f", "no_such_module:f"])
def test_a_function_that_is_not_there(function: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_metric(UserMetric("mine", function, mean=Limit("mine.mean", at_most=1.0)))
    assert "metrics.mine" in caught.value.where


def test_with_an_output_missing_the_function_is_not_called() -> None:
    comparer = Comparer(metrics=(load_metric(metric("fails")),))
    comparer.add("a", {"y": np.ones(2), "z": np.ones(3)}, {"y": np.ones(2)})
    assert comparer.problems
    assert comparer.task_figures[0].samples == 0


def test_an_infinite_mean_says_nothing_of_the_other_samples() -> None:
    ratio = UserMetric("ratio", "task.py:ratio", mean=Limit("ratio.mean", at_least=30.0))
    assert verdict_of(ratio, compare(ratio, 0.0, 1.0))[0] is Verdict.PASS
    verdict, (reason,) = verdict_of(ratio, compare(ratio, 0.0, 2.0))
    assert verdict is Verdict.UNKNOWN
    assert reason == "ratio: its mean is infinite by some samples, and says nothing of the others"


def test_samples_without_a_value_are_told_beside_a_pass() -> None:
    verdict, reasons = verdict_of(metric("sometimes", at_most=9.0), compare(metric("sometimes"), 5.0, 3.0))
    assert verdict is Verdict.PASS
    assert reasons == ("sometimes: 1 of 2 samples have no value",)

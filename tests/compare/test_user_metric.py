"""The user's own metric: called with what it is promised, summed, judged by its budget, and its errors told."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.user_metric import LoadedMetric, MetricTally, better_of, load_metric, merge_metrics, tally_metric
from mlparity.compare.verdict import judge
from mlparity.core.errors import PolicyError
from mlparity.core.words import Verdict
from mlparity.record.figures import Better, TaskFigure
from mlparity.record.policy import Limit, Policy, UserMetric

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


def _limit(name: str, budget: dict[str, Any]) -> Limit:
    return Limit(name, **budget) if budget else Limit(name, at_most=1.0)


def metric(name: str, **budget: float) -> UserMetric:
    bound = _limit(f"{name}.worst", budget)
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
    assert reason == "lost: worst 2, allowed 1 (sample 1)"
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
    assert comparer.unlike
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


def _tally(values: list[object], **budget: float) -> MetricTally:
    """Return the tally of a function that gives these values in turn."""
    left = iter(values)
    bound = _limit("m.worst", budget)
    loaded = LoadedMetric(UserMetric("m", "here:m", worst=bound), lambda *_: next(left), "")
    tally = MetricTally()
    for place in range(len(values)):
        tally = merge_metrics(loaded.metric, tally, tally_metric(loaded, str(place), {}, {}))
    return tally


@pytest.mark.parametrize(
    ("values", "budget", "wanted"),
    [
        ([1.0, 3.0, 2.0], {"at_most": 1.0}, MetricTally(3, 0, 6.0, 3.0, "1")),
        ([1.0, 3.0, 2.0], {"at_least": 1.0}, MetricTally(3, 0, 6.0, 1.0, "0")),
        ([2.0, 2.0], {"at_most": 1.0}, MetricTally(2, 0, 4.0, 2.0, "0")),  # of equal ones the first
        ([None, 5.0, None], {"at_most": 1.0}, MetricTally(1, 2, 5.0, 5.0, "1")),
        ([True, np.float32(0.5), np.ones((1, 1), int), 3], {"at_most": 1.0}, MetricTally(4, 0, 5.5, 3.0, "3")),
        ([-1.0, -2.0], {"at_least": 1.0}, MetricTally(2, 0, -3.0, -2.0, "1")),
    ],
)
def test_values_add_up_and_the_worst_is_kept(
    values: list[object], budget: dict[str, float], wanted: MetricTally
) -> None:
    assert _tally(values, **budget) == wanted


@pytest.mark.parametrize("budget", [{"at_most": 1.0}, {"at_least": 1.0}])
@pytest.mark.parametrize("values", [[math.nan, 1e9, -1e9], [1.0, math.nan, 2.0]])
def test_a_nan_is_the_worst_whichever_way_is_better(budget: dict[str, float], values: list[object]) -> None:
    assert math.isnan(_tally(values, **budget).worst or 0.0)


@pytest.mark.parametrize("value", [1j, "1", [1.0, 2.0], np.zeros(0), np.array(None), object()])
def test_what_is_no_number_is_an_error(value: object) -> None:
    with pytest.raises(PolicyError, match="a metric gave no number"):
        _tally([value])


@pytest.mark.parametrize(
    ("mean", "worst", "better"),
    [
        (Limit("m", at_most=1.0), None, Better.LOWER),
        (Limit("m", at_least=1.0), None, Better.HIGHER),
        (None, Limit("m", at_least=1.0), Better.HIGHER),
        (None, Limit("m", at_most=1.0), Better.LOWER),
    ],
)
def test_the_budget_tells_which_way_is_better(mean: Limit | None, worst: Limit | None, better: Better) -> None:
    assert better_of(UserMetric("m", "a:b", mean, worst)) is better


def test_the_digest_is_that_of_the_function_s_file(tmp_path: Path) -> None:
    wanted = hashlib.sha256((tmp_path / "task.py").read_bytes()).hexdigest()
    assert load_metric(metric("lost")).sha256 == wanted
    assert load_metric(UserMetric("m", "math:fsum")).sha256 == _digest_of(math)


def _digest_of(module: object) -> str:
    file = getattr(module, "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""


@pytest.mark.parametrize(
    ("figure", "verdict", "words"),
    [
        (TaskFigure("m", 2, 0, 1.0, 2.0, "b"), Verdict.PASS, ""),
        (TaskFigure("m", 2, 0, 1.001, 2.0, "b"), Verdict.FAIL, "m: mean 1.001, allowed 1"),
        (TaskFigure("m", 2, 0, 1.0, 2.001, "b"), Verdict.FAIL, "m: worst 2.001, allowed 2 (b)"),
        (TaskFigure("m", 2, 0, None, 2.0, "b"), Verdict.UNKNOWN, "m: its mean is no number"),
        (TaskFigure("m", 0, 2, None, None, ""), Verdict.UNKNOWN, "no value on these samples"),
        (TaskFigure("m", 3, 2, 1.0, 2.0, "b"), Verdict.PASS, "m: 2 of 5 samples have no value"),
        (None, Verdict.UNKNOWN, "no value on these samples"),
    ],
)
def test_a_budget_holds_up_to_its_bounds(figure: TaskFigure | None, verdict: Verdict, words: str) -> None:
    own = UserMetric("m", "a:b", Limit("m.mean", at_most=1.0), Limit("m.worst", at_most=2.0))
    judgement = judge(Policy("p", (), metrics=(own,)), (), (), (), () if figure is None else (figure,))
    assert judgement.verdict is verdict
    assert words in "".join(judgement.reasons)

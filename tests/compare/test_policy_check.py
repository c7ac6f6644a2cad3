"""Limits that mean nothing are refused, in a file and in an object, with the reason."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from mlparity.compare import policy_file
from mlparity.compare.metrics import METRICS
from mlparity.compare.policies import POLICIES
from mlparity.compare.policy_check import check_policy
from mlparity.core.errors import PolicyError
from mlparity.core.numbers import value_text
from mlparity.record.policy import Limit, Policy, UserMetric

IMPOSSIBLE = [
    Limit("max_abs", at_most=-1.0),
    Limit("max_abs", at_most=-1e-9, of_scale=True),
    Limit("relative_l2", at_most=-0.5),
    Limit("cosine", at_least=2.0),
    Limit("cosine", at_most=-1.5),
    Limit("flips", at_most=-1.0),
    Limit("flip_rate", at_most=-0.1),
    Limit("flip_rate_high", at_least=1.01),
    Limit("mask_iou", at_least=1.5),
    Limit("mask_changed", at_most=-0.1),
    Limit("rank_correlation", at_least=1.001),
    Limit("max_abs", at_most=1.0, at_least=2.0),
    Limit("snr_db", at_most=10.0, at_least=20.0),
]
NEVER_BROKEN = [
    Limit("cosine", at_least=-1.0),
    Limit("cosine", at_least=-3.0),
    Limit("flip_rate", at_most=1.0),
    Limit("mask_iou", at_least=0.0),
    Limit("mask_iou_worst", at_least=-1.0, at_most=1.0),
    Limit("max_abs", at_least=0.0),
    Limit("flips", at_least=0.0),
]
LOOSE = [
    *(Limit(name, at_most=38.0) for name in ("nan_count", "new_nan_count", "inf_count")),
    Limit("inf_count", at_most=0.5),
    Limit("nan_count", at_least=0.0),
    Limit("nan_count", at_most=0.0, at_least=0.0),
]
WITHOUT_A_SCALE = [
    Limit(metric.info.name, at_least=0.5, of_scale=True) for metric in METRICS if metric.info.unit != "output"
]


def shown(limit: Limit) -> str:
    return f"{limit.metric} {limit.at_most} {limit.at_least}"


def refused(limit: Limit) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        policy_file.policy_of(Policy("mine", (limit,)), ())
    assert caught.value.where == f"policy 'mine', limits.{limit.metric}"
    assert caught.value.next_step
    return caught.value


@pytest.mark.parametrize("limit", IMPOSSIBLE, ids=shown)
def test_a_limit_that_no_value_meets_is_refused(limit: Limit) -> None:
    assert "a bound that some value meets" in str(refused(limit))


@pytest.mark.parametrize("limit", NEVER_BROKEN, ids=shown)
def test_a_limit_that_no_value_breaks_is_refused(limit: Limit) -> None:
    assert "a bound that some value breaks" in str(refused(limit))


@pytest.mark.parametrize("limit", LOOSE, ids=shown)
def test_no_limit_allows_positions_that_are_finite_on_one_side_alone(limit: Limit) -> None:
    assert "fails under every policy, and no limit can allow one" in str(refused(limit))


@pytest.mark.parametrize("limit", WITHOUT_A_SCALE, ids=shown)
def test_a_metric_without_a_scale_takes_no_share_of_it(limit: Limit) -> None:
    assert "it has no scale" in str(refused(limit))


NO_NUMBERS: list[Any] = [None, math.nan, math.inf, 10**400, 10**5000, "1", [1.0]]


@pytest.mark.parametrize(
    "limit", [Limit("max_abz", at_most=1.0), *(Limit("max_abs", at_most=each) for each in NO_NUMBERS)], ids=value_text
)
def test_an_object_is_checked_as_a_file_is(limit: Limit) -> None:
    refused(limit)


@pytest.mark.parametrize("bound", NO_NUMBERS, ids=value_text)
@pytest.mark.parametrize("part", ["mean", "worst"])
def test_a_budget_is_a_number(part: str, bound: Any) -> None:
    """A budget without a bound would be met by every value."""
    metric = UserMetric("own", "own.py:metric", **{part: Limit("own", at_least=bound)})
    with pytest.raises(PolicyError, match="as finite numbers"):
        check_policy(Policy("mine", (), metrics=(metric,)))


@pytest.mark.parametrize("name", ["noise_factor", "noise_cap"])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_noise_is_a_number(name: str, value: float) -> None:
    noise: dict[str, Any] = {name: value}
    with pytest.raises(PolicyError, match=name):
        check_policy(Policy("mine", (Limit("max_abs", at_most=1.0),), **noise))


def test_the_ends_of_a_range_can_be_asked_for() -> None:
    limits = (
        Limit("max_abs", at_most=0.0),
        Limit("max_abs", at_most=1e30, of_scale=True),
        Limit("cosine", at_least=1.0),
        Limit("flip_rate", at_most=0.0),
        Limit("mask_iou", at_least=1.0),
        Limit("snr_db", at_least=-200.0),
        Limit("nan_count", at_most=0.0),
        Limit("rank_correlation", at_least=-0.5, at_most=1.0),
        Limit("mask_iou", at_least=0.5, at_most=0.5),
    )
    policy = Policy("mine", limits)
    assert policy_file.policy_of(policy, ()) is policy
    assert all(policy_file.policy_of(each, ()) is each for each in POLICIES)


def test_an_output_can_be_freed_of_a_general_limit_only() -> None:
    free = Limit("flip_rate", at_most=1.0, output="extra")
    check_policy(Policy("mine", (Limit("flip_rate", at_most=0.1), free)))
    with pytest.raises(PolicyError, match=r"outputs\.extra\.limits\.flip_rate"):
        check_policy(Policy("mine", (Limit("flip_rate", at_most=0.1, output="y"), free)))


def test_a_file_is_named_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("limits.max_abs.at_most = 1\n[outputs.y]\nlimits.cosine.at_least = 2\n")
    with pytest.raises(PolicyError) as caught:
        policy_file.policy_of(path, ())
    assert caught.value.where == f"{path}, outputs.y.limits.cosine"
    assert (caught.value.found, caught.value.expected) == (
        "at_least = 2",
        "a bound that some value meets: cosine is from -1 to 1",
    )


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (Limit("snr_db", at_most=10.0, at_least=20.0), "snr_db is any number"),
        (Limit("max_abs", at_most=-1.0), "max_abs is 0 or more"),
        (Limit("cosine", at_least=-1.0), "cosine is from -1 to 1"),
    ],
)
def test_the_values_that_a_metric_can_have_are_told(limit: Limit, words: str) -> None:
    assert refused(limit).expected.endswith(words)

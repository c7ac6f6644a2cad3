"""Refuses limits that can never hold or never fail: a policy that means something bounds what a metric can be."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlparity.compare.metrics import METRIC_NAMED
from mlparity.compare.metrics.metric import Metric
from mlparity.core.errors import PolicyError
from mlparity.core.numbers import value_text
from mlparity.record.policy import Limit, Policy


def check_policy(policy: Policy, where: str = "") -> Policy:
    """Return the policy as it is; `where` names its file in an error.

    A limit that no value can break is refused too, for a gate that cannot fail is none; one output's own may replace a
    general limit on that metric, which it lifts. Budgets of the user's own metrics are free.

    Raises:
        PolicyError: a limit on no known metric, without a bound, of a scale that the metric has not, that no value can
            meet or break, or that allows positions that are finite on one side alone; or noise that is no number.
    """
    where = where or f"policy {policy.name!r}"
    general = {limit.metric for limit in policy.limits if not limit.output}
    for limit in policy.limits:
        problem = _problem(limit, is_lifted=bool(limit.output) and limit.metric in general)
        if problem is not None:
            own = f"outputs.{limit.output}." if limit.output else ""
            raise _wrong(f"{where}, {own}limits.{limit.metric}", problem)
    for metric in policy.metrics:
        for part, bound in (("mean", metric.mean), ("worst", metric.worst)):
            if bound is not None and not _has_bounds(bound):
                raise _wrong(f"{where}, metrics.{metric.name}.{part}", _Problem(_shown(bound), _BOUNDS))
    for name, value in (("noise_factor", policy.noise_factor), ("noise_cap", policy.noise_cap)):
        if not (math.isfinite(value) and value >= 0):
            raise _wrong(f"{where}, {name}", _Problem(str(value), "a number of 0 or more"))
    return policy


@dataclass(frozen=True, slots=True)
class _Problem:
    """What a limit has, and what it should have."""

    found: str
    expected: str


def _problem(limit: Limit, *, is_lifted: bool) -> _Problem | None:
    metric = METRIC_NAMED.get(limit.metric)
    if metric is None:
        return _Problem(limit.metric, f"a known metric: {', '.join(METRIC_NAMED)}")
    if not _has_bounds(limit):
        return _Problem(_shown(limit), _BOUNDS)
    if limit.of_scale and not metric.has_scale:
        return _Problem("of_scale = true", f"a bound in the metric's own unit ({metric.info.unit}): it has no scale")
    if metric.counts_mismatches:
        return None if (limit.at_most, limit.at_least) == (0, None) else _Problem(_shown(limit), _ALWAYS)
    if _is_impossible(limit, metric):
        return _Problem(_shown(limit), f"a bound that some value meets: {limit.metric} is {_range_text(metric)}")
    if _cannot_fail(limit, metric) and not is_lifted:
        return _Problem(_shown(limit), f"a bound that some value breaks: {limit.metric} is {_range_text(metric)}")
    return None


_BOUNDS = "at_most, at_least or both, as finite numbers"


def _has_bounds(limit: Limit) -> bool:
    bounds = [bound for bound in (limit.at_most, limit.at_least) if bound is not None]
    try:
        return bool(bounds) and all(map(math.isfinite, bounds))
    except (TypeError, OverflowError):  # a text, or an integer beyond float64
        return False


_ALWAYS = (
    "at_most = 0: a position that is NaN or infinite on one side alone fails under every policy, and no limit can"
    " allow one"
)


def _is_impossible(limit: Limit, metric: Metric) -> bool:
    if limit.at_most is not None and limit.at_least is not None and limit.at_least > limit.at_most:
        return True
    too_low = limit.at_most is not None and limit.at_most < metric.range.low
    return too_low or (limit.at_least is not None and limit.at_least > metric.range.high)


def _cannot_fail(limit: Limit, metric: Metric) -> bool:
    bounds_above = limit.at_most is not None and limit.at_most < metric.range.high
    return not bounds_above and not (limit.at_least is not None and limit.at_least > metric.range.low)


def _range_text(metric: Metric) -> str:
    low, high = metric.range.low, metric.range.high
    if math.isinf(high):
        return "any number" if math.isinf(low) else f"{low:g} or more"
    return f"from {low:g} to {high:g}"


def _shown(limit: Limit) -> str:
    bounds = (("at_most", limit.at_most), ("at_least", limit.at_least))
    return (
        ", ".join(
            f"{name} = {bound:g}" if isinstance(bound, float) else f"{name} = {value_text(bound)}"
            for name, bound in bounds
            if bound is not None
        )
        or "nothing"
    )


def _wrong(where: str, problem: _Problem) -> PolicyError:
    return PolicyError(
        "the policy is not valid",
        where=where,
        found=problem.found,
        expected=problem.expected,
        next_step="correct the value, or leave it out",
    )

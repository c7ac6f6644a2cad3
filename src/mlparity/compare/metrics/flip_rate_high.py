"""The largest share of changed decisions that the samples leave possible."""

from __future__ import annotations

from mlparity.compare.decisions import wilson_interval
from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    decisions = tally.task.decisions
    return wilson_interval(decisions.flipped, decisions.decisions)[1] if decisions and decisions.decisions else None


def _applies(tally: Tally) -> bool:
    return tally.task.decisions is not None


METRIC = Metric(
    MetricInfo(
        name="flip_rate_high",
        title="flip rate, upper bound",
        unit="ratio",
        better=Better.LOWER,
        formula=(
            "The upper end of Wilson's 95% interval of the flip rate: with few samples it is large even where "
            "nothing flipped."
        ),
        of_difference=False,
    ),
    _value,
    _applies,
)

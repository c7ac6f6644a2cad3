"""The share of decisions that changed."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    decisions = tally.task.decisions
    return decisions.flipped / decisions.decisions if decisions is not None and decisions.decisions else None


def _applies(tally: Tally) -> bool:
    return tally.task.decisions is not None


METRIC = Metric(
    MetricInfo(
        name="flip_rate",
        title="flip rate",
        unit="ratio",
        better=Better.LOWER,
        formula=("The number of flips divided by the number of decisions."),
        of_difference=False,
    ),
    _value,
    _applies,
)

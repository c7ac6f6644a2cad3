"""How much of their margin decisions lost at most."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    decisions = tally.task.decisions
    return decisions.consumed if decisions is not None and decisions.decisions else None


def _applies(tally: Tally) -> bool:
    return tally.task.decisions is not None


METRIC = Metric(
    MetricInfo(
        name="margin_consumed",
        title="margin consumed",
        unit="ratio",
        better=Better.LOWER,
        formula=(
            "The largest share of a decision's margin that the change of its scores took: for classes the spread "
            "of a row's changes (largest less smallest) over the gap between first and second class, for a "
            "threshold the change over the distance; below 1 no change of that size can flip a decision."
        ),
        of_difference=False,
    ),
    _value,
    _applies,
)

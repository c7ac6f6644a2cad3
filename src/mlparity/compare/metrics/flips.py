"""How often a decision changed."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    decisions = tally.task.decisions
    return float(decisions.flipped) if decisions is not None and decisions.decisions else None


def _applies(tally: Tally) -> bool:
    return tally.task.decisions is not None


METRIC = Metric(
    MetricInfo(
        name="flips",
        title="flips",
        unit="decisions",
        better=Better.LOWER,
        formula=(
            "The number of decisions that are not the source's: rows whose largest score belongs to another class "
            "(the first of equal scores counts), or scores on the other side of the threshold."
        ),
        of_difference=False,
    ),
    _value,
    _applies,
)

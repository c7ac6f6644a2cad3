"""Positions where an infinity on one side does not meet the same infinity on the other."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    return float(tally.inf_mismatches) if tally.elements else None


METRIC = Metric(
    MetricInfo(
        name="inf_count",
        title="inf mismatches",
        unit="positions",
        better=Better.LOWER,
        formula=(
            "The number of positions without NaN where one side is infinite and the other is not the same "
            "infinity; equal infinities agree."
        ),
        of_difference=False,
    ),
    _value,
)

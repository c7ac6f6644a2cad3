"""Positions where exactly one side is NaN."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    return float(tally.nan_mismatches) if tally.elements else None


METRIC = Metric(
    MetricInfo(
        name="nan_count",
        title="NaN mismatches",
        unit="positions",
        better=Better.LOWER,
        formula="The number of positions where one side is NaN and the other is not; NaN on both sides agrees.",
        of_difference=False,
    ),
    _value,
)

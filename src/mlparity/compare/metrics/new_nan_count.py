"""Positions where the artifact is NaN and the source is not."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    return float(tally.new_nans) if tally.elements else None


METRIC = Metric(
    MetricInfo(
        name="new_nan_count",
        title="new NaNs",
        unit="positions",
        better=Better.LOWER,
        formula="The number of positions where the artifact is NaN and the source is not.",
        of_difference=False,
    ),
    _value,
)

"""The mean absolute difference."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    return tally.sum_abs / tally.finite if tally.finite else None


METRIC = Metric(
    MetricInfo(
        name="mean_abs",
        title="mean",
        unit="output",
        better=Better.LOWER,
        formula="The mean of the absolute differences over all finite positions of all samples.",
    ),
    _value,
)

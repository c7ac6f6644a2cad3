"""The smallest absolute difference."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    return tally.min_abs if tally.finite else None


METRIC = Metric(
    MetricInfo(
        name="min_abs",
        title="min",
        unit="output",
        better=Better.LOWER,
        formula=(
            "The smallest absolute difference between source and artifact over all finite positions of all samples."
        ),
    ),
    _value,
)

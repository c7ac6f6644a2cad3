"""The largest absolute difference."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    return tally.max_abs if tally.finite else None


METRIC = Metric(
    MetricInfo(
        name="max_abs",
        title="max",
        unit="output",
        better=Better.LOWER,
        formula="The largest absolute difference between source and artifact over all finite positions of all samples.",
    ),
    _value,
)

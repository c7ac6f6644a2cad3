"""The root of the mean squared difference."""

from __future__ import annotations

import math

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    return math.sqrt(tally.squared_error / tally.finite) if tally.finite else None


METRIC = Metric(
    MetricInfo(
        name="rmse",
        title="RMSE",
        unit="output",
        better=Better.LOWER,
        formula="The square root of the mean of the squared differences over all finite positions of all samples.",
    ),
    _value,
)

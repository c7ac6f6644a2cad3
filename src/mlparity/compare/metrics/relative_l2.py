"""The length of the difference against the length of the source."""

from __future__ import annotations

import math

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    if not tally.finite:
        return None
    if tally.squared_error == 0:
        return 0.0
    if tally.source_energy == 0:
        return None
    return math.sqrt(tally.squared_error) / math.sqrt(tally.source_energy)


METRIC = Metric(
    MetricInfo(
        name="relative_l2",
        title="relative L2",
        unit="ratio",
        better=Better.LOWER,
        formula=(
            "The Euclidean length of all differences divided by that of all source values; 0 where nothing "
            "differs, none where only the source is zero."
        ),
    ),
    _value,
)

"""The cosine of the angle between all source values and all artifact values."""

from __future__ import annotations

import math

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    if tally.source_energy == 0 or tally.artifact_energy == 0:
        return None
    if tally.squared_error == 0:
        return 1.0
    cosine = tally.product / (math.sqrt(tally.source_energy) * math.sqrt(tally.artifact_energy))
    return min(1.0, max(-1.0, cosine))


METRIC = Metric(
    MetricInfo(
        name="cosine",
        title="cosine",
        unit="ratio",
        better=Better.HIGHER,
        formula=(
            "The dot product of all source and artifact values divided by the product of their Euclidean lengths; "
            "none where either is all zero."
        ),
    ),
    _value,
)

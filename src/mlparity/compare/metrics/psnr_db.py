"""The range of the source against the difference, in decibels."""

from __future__ import annotations

import math

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    if not tally.finite:
        return None
    if tally.squared_error == 0:
        return math.inf
    peak = tally.source_max - tally.source_min
    if peak == 0:
        return None
    return 20 * math.log10(peak) - 10 * (math.log10(tally.squared_error) - math.log10(tally.finite))


METRIC = Metric(
    MetricInfo(
        name="psnr_db",
        title="PSNR",
        unit="dB",
        better=Better.HIGHER,
        formula=(
            "Twenty times the decimal logarithm of the source's range (largest less smallest value) over the "
            "RMSE; infinite where nothing differs, none where the source has no range."
        ),
    ),
    _value,
)

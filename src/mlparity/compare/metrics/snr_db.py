"""The power of the source against the power of the difference, in decibels."""

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
    if tally.source_energy == 0:
        return -math.inf
    return 10 * (math.log10(tally.source_energy) - math.log10(tally.squared_error))


METRIC = Metric(
    MetricInfo(
        name="snr_db",
        title="SNR",
        unit="dB",
        better=Better.HIGHER,
        formula=(
            "Ten times the decimal logarithm of the source's energy over the differences' energy; infinite where "
            "nothing differs, minus infinite where only the source is zero."
        ),
    ),
    _value,
)

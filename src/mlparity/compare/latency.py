"""Times of single predictions to a median and its spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from mlparity.record.decision import Latency

WARM_UP = 3
"""How many first predictions are not counted: they compile, load weights and wake processors (assumed)."""


def latency_of(seconds: Sequence[float]) -> Latency | None:
    """Return the latency that times in order show, the first three left out; None where none is left."""
    counted = sorted(1000 * second for second in seconds[WARM_UP:])
    if not counted:
        return None
    low, median, high = statistics.quantiles(counted, n=4, method="inclusive") if len(counted) > 1 else counted * 3
    return Latency(median, low, high, len(counted))

"""The metrics as one table, computed from a tally."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.metrics.table import METRICS
from mlparity.compare.tally import Tally
from mlparity.record.figures import MetricInfo

__all__ = ["METRICS", "METRIC_INFOS", "METRIC_NAMED", "figures_of"]

METRIC_INFOS: tuple[MetricInfo, ...] = tuple(metric.info for metric in METRICS)
"""What each figure means, as a record carries it."""

METRIC_NAMED: Mapping[str, Metric] = {metric.info.name: metric for metric in METRICS}
"""The metrics by name."""


def figures_of(tally: Tally) -> dict[str, float | None]:
    """Return every metric that applies to the output, by name; NaN is no value."""
    return {metric.info.name: _known(metric.value(tally)) for metric in METRICS if metric.applies(tally)}


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value

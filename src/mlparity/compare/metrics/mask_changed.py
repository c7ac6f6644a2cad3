"""The share of a mask's pixels that changed."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.policy import TaskKind
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    mask = tally.task.mask
    return mask.changed / mask.pixels if mask is not None and mask.pixels else None


def _applies(tally: Tally) -> bool:
    return tally.task.mask is not None


METRIC = Metric(
    MetricInfo(
        name="mask_changed",
        title="mask pixels changed",
        unit="ratio",
        better=Better.LOWER,
        formula=("The share of pixels, over all samples, that belong to another class than the source's."),
        of_difference=False,
        task=TaskKind.MASK,
    ),
    _value,
    _applies,
)

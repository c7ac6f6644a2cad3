"""How far the masks of the worst sample cover each other."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.policy import TaskKind
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    mask = tally.task.mask
    return mask.iou_worst if mask is not None and mask.samples else None


def _applies(tally: Tally) -> bool:
    return tally.task.mask is not None


METRIC = Metric(
    MetricInfo(
        name="mask_iou_worst",
        title="worst mask IoU",
        unit="ratio",
        better=Better.HIGHER,
        formula=(
            "The smallest intersection over union of any sample, each the mean over the classes that either mask has."
        ),
        of_difference=False,
        task=TaskKind.MASK,
    ),
    _value,
    _applies,
)

"""How far the masks cover each other, over all samples."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.policy import TaskKind
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    mask = tally.task.mask
    return mask.iou_sum / mask.samples if mask is not None and mask.samples else None


def _applies(tally: Tally) -> bool:
    return tally.task.mask is not None


METRIC = Metric(
    MetricInfo(
        name="mask_iou",
        title="mask IoU",
        unit="ratio",
        better=Better.HIGHER,
        formula=(
            "The intersection of the two masks over their union, as the mean over the classes that either has and "
            "then over samples; 1 where both are empty."
        ),
        of_difference=False,
        task=TaskKind.MASK,
    ),
    _value,
    _applies,
)

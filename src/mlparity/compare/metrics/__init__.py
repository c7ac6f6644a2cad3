"""The metrics, one small file each, computed from a tally; `METRICS` is their table."""

from __future__ import annotations

from mlparity.compare.metrics import (
    cosine,
    flip_rate,
    flip_rate_high,
    flips,
    inf_count,
    margin_consumed,
    mask_changed,
    mask_iou,
    mask_iou_worst,
    max_abs,
    mean_abs,
    min_abs,
    nan_count,
    nearest_agreement,
    neighbour_agreement,
    new_nan_count,
    psnr_db,
    rank_correlation,
    relative_l2,
    rmse,
    snr_db,
    top5_agreement,
    topk_flips,
)
from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import MetricInfo

METRICS: tuple[Metric, ...] = (
    max_abs.METRIC,
    min_abs.METRIC,
    mean_abs.METRIC,
    rmse.METRIC,
    relative_l2.METRIC,
    cosine.METRIC,
    snr_db.METRIC,
    psnr_db.METRIC,
    nan_count.METRIC,
    new_nan_count.METRIC,
    inf_count.METRIC,
    flips.METRIC,
    flip_rate.METRIC,
    flip_rate_high.METRIC,
    margin_consumed.METRIC,
    topk_flips.METRIC,
    top5_agreement.METRIC,
    mask_iou.METRIC,
    mask_iou_worst.METRIC,
    mask_changed.METRIC,
    nearest_agreement.METRIC,
    neighbour_agreement.METRIC,
    rank_correlation.METRIC,
)
"""All metrics, in the order in which a report lists them."""

METRIC_INFOS: tuple[MetricInfo, ...] = tuple(metric.info for metric in METRICS)
"""What each figure means, as a record carries it."""


def figures_of(tally: Tally) -> dict[str, float | None]:
    """Return every metric that applies to the output, by name."""
    return {metric.info.name: metric.value(tally) for metric in METRICS if metric.applies(tally)}

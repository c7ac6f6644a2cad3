"""The metrics: what each is called, what it means, which values it can take, and how a tally gives it."""

from __future__ import annotations

import math

from mlparity.compare.decisions import wilson_interval
from mlparity.compare.metrics import differences as by_difference
from mlparity.compare.metrics import task_figures as by_task
from mlparity.compare.metrics.metric import NOT_NEGATIVE, RATIO, SIGNED_RATIO, UNBOUNDED, Metric
from mlparity.compare.tokens import perplexity
from mlparity.record.figures import Better, MetricInfo
from mlparity.record.policy import TaskKind

LOWER, HIGHER = Better.LOWER, Better.HIGHER

_DIFFERENCES = (
    Metric(
        MetricInfo(
            *("max_abs", "max", "output", LOWER),
            "The largest absolute difference between source and artifact over all finite positions of all samples.",
        ),
        NOT_NEGATIVE,
        by_difference.of_finite(lambda tally: tally.max_abs),
    ),
    Metric(
        MetricInfo(
            *("min_abs", "min", "output", LOWER),
            "The smallest absolute difference between source and artifact over all finite positions of all samples.",
        ),
        NOT_NEGATIVE,
        by_difference.of_finite(lambda tally: tally.min_abs),
    ),
    Metric(
        MetricInfo(
            *("mean_abs", "mean", "output", LOWER),
            "The mean of the absolute differences over all finite positions of all samples.",
        ),
        NOT_NEGATIVE,
        by_difference.of_finite(lambda tally: tally.sum_abs / tally.finite),
    ),
    Metric(
        MetricInfo(
            *("rmse", "RMSE", "output", LOWER),
            "The square root of the mean of the squared differences over all finite positions of all samples.",
        ),
        NOT_NEGATIVE,
        by_difference.of_finite(lambda tally: math.sqrt(tally.squared_error / tally.finite)),
    ),
    Metric(
        MetricInfo(
            *("relative_l2", "relative L2", "ratio", LOWER),
            "The Euclidean length of all differences divided by that of all source values; 0 where nothing differs,"
            " none where only the source is zero.",
        ),
        NOT_NEGATIVE,
        by_difference.relative_l2,
    ),
    Metric(
        MetricInfo(
            *("cosine", "cosine", "ratio", HIGHER),
            "The dot product of all source and artifact values divided by the product of their Euclidean lengths;"
            " none where either is all zero.",
        ),
        SIGNED_RATIO,
        by_difference.cosine,
    ),
    Metric(
        MetricInfo(
            *("snr_db", "SNR", "dB", HIGHER),
            "Ten times the decimal logarithm of the source's energy over the differences' energy; infinite where"
            " nothing differs, minus infinite where only the source is zero.",
        ),
        UNBOUNDED,
        by_difference.snr_db,
    ),
    Metric(
        MetricInfo(
            *("psnr_db", "PSNR", "dB", HIGHER),
            "Twenty times the decimal logarithm of the source's range (largest less smallest value) over the RMSE;"
            " infinite where nothing differs, none where the source has no range.",
        ),
        UNBOUNDED,
        by_difference.psnr_db,
    ),
)

_NOT_FINITE = (
    Metric(
        MetricInfo(
            *("nan_count", "NaN mismatches", "positions", LOWER),
            "The number of positions where one side is NaN and the other is not; NaN on both sides agrees.",
            of_difference=False,
        ),
        NOT_NEGATIVE,
        lambda tally: float(tally.nan_mismatches) if tally.elements else None,
        counts_mismatches=True,
    ),
    Metric(
        MetricInfo(
            *("new_nan_count", "new NaNs", "positions", LOWER),
            "The number of positions where the artifact is NaN and the source is not.",
            of_difference=False,
        ),
        NOT_NEGATIVE,
        lambda tally: float(tally.new_nans) if tally.elements else None,
        counts_mismatches=True,
    ),
    Metric(
        MetricInfo(
            *("inf_count", "inf mismatches", "positions", LOWER),
            "The number of positions without NaN where one side is infinite and the other is not the same infinity;"
            " equal infinities agree.",
            of_difference=False,
        ),
        NOT_NEGATIVE,
        lambda tally: float(tally.inf_mismatches) if tally.elements else None,
        counts_mismatches=True,
    ),
    Metric(
        MetricInfo(
            *("nan_positions", "positions with NaN", "positions", LOWER),
            "The number of positions where either side is NaN; figures of a difference leave them out.",
            of_difference=False,
        ),
        NOT_NEGATIVE,
        lambda tally: float(tally.nans) if tally.elements else None,
    ),
    Metric(
        MetricInfo(
            *("inf_positions", "positions with inf", "positions", LOWER),
            "The number of positions without NaN where either side is infinite; figures of a difference leave them"
            " out.",
            of_difference=False,
        ),
        NOT_NEGATIVE,
        lambda tally: float(tally.elements - tally.finite - tally.nans) if tally.elements else None,
    ),
)

_DECISIONS = (
    Metric(
        MetricInfo(
            *("flips", "flips", "decisions", LOWER),
            "The number of decisions that are not the source's: rows whose largest score belongs to another class"
            " (the first of equal scores counts), or scores on the other side of the threshold.",
            of_difference=False,
        ),
        NOT_NEGATIVE,
        by_task.of_decisions(lambda found: float(found.flipped)),
        by_task.has_decisions,
    ),
    Metric(
        MetricInfo(
            *("flip_rate", "flip rate", "ratio", LOWER),
            "The number of flips divided by the number of decisions.",
            of_difference=False,
        ),
        RATIO,
        by_task.of_decisions(lambda found: found.flipped / found.decisions),
        by_task.has_decisions,
    ),
    Metric(
        MetricInfo(
            *("flip_rate_high", "flip rate, upper bound", "ratio", LOWER),
            "The upper end of Wilson's 95% interval of the flip rate: with few samples it is large even where nothing"
            " flipped.",
            of_difference=False,
        ),
        RATIO,
        by_task.of_decisions(lambda found: wilson_interval(found.flipped, found.decisions)[1]),
        by_task.has_decisions,
    ),
    Metric(
        MetricInfo(
            *("margin_consumed", "margin consumed", "ratio", LOWER),
            "The largest share of a decision's margin that the change of its scores took: for classes the spread of a"
            " row's changes (largest less smallest) over the gap between first and second class, for a threshold the"
            " change over the distance; below 1 no change of that size can flip a decision.",
            of_difference=False,
        ),
        NOT_NEGATIVE,
        by_task.of_decisions(lambda found: found.consumed),
        by_task.has_decisions,
    ),
    Metric(
        MetricInfo(
            *("topk_flips", "top-k flips", "rows", LOWER),
            "The number of rows of class scores whose k best classes are not the source's, k being the task's and 5"
            " where none is named; equal scores count as the same.",
            of_difference=False,
            task=TaskKind.CLASSES,
        ),
        NOT_NEGATIVE,
        by_task.of_decisions(lambda found: float(found.topk_flipped)),
        by_task.has_more_than_k,
    ),
    Metric(
        MetricInfo(
            *("top5_agreement", "top-5 agreement", "ratio", HIGHER),
            "The share of the source's five best classes, over all rows, that are among the artifact's five best;"
            " equal scores count as among them.",
            of_difference=False,
            task=TaskKind.CLASSES,
        ),
        RATIO,
        by_task.of_decisions(lambda found: found.top5_kept / found.top5_of),
        by_task.has_more_than_5,
    ),
)

_MASKS = (
    Metric(
        MetricInfo(
            *("mask_iou", "mask IoU", "ratio", HIGHER),
            "The intersection of the two masks over their union, as the mean over the classes that either has and"
            " then over samples; 1 where both are empty.",
            of_difference=False,
            task=TaskKind.MASK,
        ),
        RATIO,
        by_task.of_masks(lambda found: found.iou_sum / found.samples),
        by_task.has_mask,
    ),
    Metric(
        MetricInfo(
            *("mask_iou_worst", "worst mask IoU", "ratio", HIGHER),
            "The smallest intersection over union of any sample, each the mean over the classes that either mask has.",
            of_difference=False,
            task=TaskKind.MASK,
        ),
        RATIO,
        by_task.of_masks(lambda found: found.iou_worst),
        by_task.has_mask,
    ),
    Metric(
        MetricInfo(
            *("mask_changed", "mask pixels changed", "ratio", LOWER),
            "The share of pixels, over all samples, that belong to another class than the source's.",
            of_difference=False,
            task=TaskKind.MASK,
        ),
        RATIO,
        by_task.of_masks(lambda found: found.changed / found.pixels),
        by_task.has_mask,
    ),
)

_RETRIEVAL = (
    Metric(
        MetricInfo(
            *("nearest_agreement", "nearest neighbour agreement", "ratio", HIGHER),
            "The share of embeddings whose nearest neighbour by cosine, among the first 256 others, is the same in the"
            " artifact's space as in the source's; one without a direction on one side alone has none that is the"
            " same, and the figure needs three embeddings.",
            of_difference=False,
            task=TaskKind.RETRIEVAL,
        ),
        RATIO,
        by_task.of_queries(lambda found: found.same_nearest, lambda found: found.queries),
        by_task.has_retrieval,
    ),
    Metric(
        MetricInfo(
            *("neighbour_agreement", "neighbour agreement", "ratio", HIGHER),
            "The share of the k nearest neighbours by cosine, among the first 256 other embeddings, that stay among"
            " the k nearest in the artifact's space, as the mean over embeddings.",
            of_difference=False,
            task=TaskKind.RETRIEVAL,
        ),
        RATIO,
        by_task.of_queries(lambda found: found.kept, lambda found: found.queries),
        by_task.has_retrieval,
    ),
    Metric(
        MetricInfo(
            *("rank_correlation", "rank correlation", "ratio", HIGHER),
            "Spearman's correlation between the orders, by cosine, of the first 256 other embeddings in the two"
            " spaces, as the mean over embeddings; 0 where one side alone has no order.",
            of_difference=False,
            task=TaskKind.RETRIEVAL,
        ),
        SIGNED_RATIO,
        by_task.of_queries(lambda found: found.correlation, lambda found: found.ranked),
        by_task.has_retrieval,
    ),
)

_TOKENS = (
    Metric(
        MetricInfo(
            *("token_agreement", "token agreement", "ratio", HIGHER),
            "The share of positions at which the best token is the same, when both sides are given the same tokens.",
            of_difference=False,
            task=TaskKind.TOKENS,
        ),
        RATIO,
        by_task.of_tokens(lambda found: found.agreed / found.positions),
        by_task.has_tokens,
    ),
    Metric(
        MetricInfo(
            *("perplexity_ratio", "perplexity ratio", "ratio", LOWER),
            "The artifact's perplexity over the source's, both over the tokens that the source puts first; 1 where the"
            " artifact is as sure of them.",
            of_difference=False,
            task=TaskKind.TOKENS,
        ),
        NOT_NEGATIVE,
        by_task.of_tokens(lambda found: perplexity(found.artifact_loss - found.source_loss, found.positions)),
        by_task.has_tokens,
    ),
)

_LABELS = (
    Metric(
        MetricInfo(
            *("accuracy", "accuracy", "ratio", HIGHER),
            "The share of labelled samples that the artifact puts into their class.",
            of_difference=False,
        ),
        RATIO,
        by_task.of_labels(lambda found: found.artifact_right / found.samples),
        by_task.has_labels,
    ),
    Metric(
        MetricInfo(
            *("accuracy_loss", "accuracy lost", "ratio", LOWER),
            "The source's accuracy less the artifact's, over the same labelled samples; negative where the artifact is"
            " right more often.",
            of_difference=False,
        ),
        SIGNED_RATIO,
        by_task.of_labels(lambda found: (found.source_right - found.artifact_right) / found.samples),
        by_task.has_labels,
    ),
)

METRICS: tuple[Metric, ...] = (*_DIFFERENCES, *_NOT_FINITE, *_DECISIONS, *_LABELS, *_TOKENS, *_MASKS, *_RETRIEVAL)
"""All metrics, in the order in which a report lists them."""

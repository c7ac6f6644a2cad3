"""Masks: how far the artifact's covers the source's, as intersection over union."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MaskTally:
    """The intersections over union of samples, their worst, and the pixels that changed; NaN scores count as changed.

    A pixel whose scores hold a NaN on one side alone belongs to no class there. One of NaN on both sides is not
    counted, and neither is a sample of nothing else.
    """

    samples: int = 0
    iou_sum: float = 0.0
    iou_worst: float = math.inf
    changed: int = 0
    pixels: int = 0


def tally_mask(source: np.ndarray, artifact: np.ndarray, axis: int | None, threshold: float | None) -> MaskTally:
    """Compare the masks of one sample: the class of the largest score along `axis`, or scores from `threshold` on.

    With `axis` the value is the mean over the classes that either side has, the background among them; with
    `threshold` it is that of the positive pixels alone, and 1 where neither side has any.

    Shape: both alike; the mask has the shape without `axis`.
    """
    if not source.size:
        return MaskTally()
    if axis is None:
        first, second = (_positive(scores, 0.0 if threshold is None else threshold) for scores in (source, artifact))
        classes = np.ones(1, np.int64)
    else:
        first, second = _classes(source, axis), _classes(artifact, axis)
        classes = np.union1d(first, second)
        classes = classes[classes >= 0]
    readable = (first >= 0) | (second >= 0)
    if not readable.any():
        return MaskTally()
    values = [_iou(first == label, second == label) for label in classes]
    value = math.fsum(values) / len(values)
    return MaskTally(1, value, value, int((first != second).sum()), int(readable.sum()))


def merge_masks(first: MaskTally | None, second: MaskTally | None) -> MaskTally | None:
    """Return the tally of both, where `None` is an output that is no mask."""
    if first is None or second is None:
        return second if first is None else first
    return MaskTally(
        samples=first.samples + second.samples,
        iou_sum=first.iou_sum + second.iou_sum,
        iou_worst=min(first.iou_worst, second.iou_worst),
        changed=first.changed + second.changed,
        pixels=first.pixels + second.pixels,
    )


def _positive(scores: np.ndarray, threshold: float) -> NDArray[np.int64]:
    return np.where(np.isnan(scores), -1, scores >= threshold).astype(np.int64)


def _classes(scores: np.ndarray, axis: int) -> NDArray[np.int64]:
    return np.where(np.isnan(scores).any(axis=axis), -1, scores.argmax(axis=axis)).astype(np.int64)


def _iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    union = int((first | second).sum())
    return float((first & second).sum()) / union if union else 1.0

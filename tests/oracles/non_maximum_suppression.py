"""Exact non-maximum suppression: for each box in order, is any selected box too close?"""

from __future__ import annotations

import numpy as np


def non_maximum_suppression(
    boxes: np.ndarray,
    scores: np.ndarray,
    iou_threshold: float,
    max_boxes: int,
    score_threshold: float | None = None,
    per_class_suppression: bool = False,
) -> tuple[np.ndarray, ...]:
    """Return iOS15's four results where a score threshold is given, otherwise iOS17's three."""
    if score_threshold is None:
        boxes, scores = boxes.swapaxes(1, 2), scores.swapaxes(1, 2)
        chosen, values, indices, _ = non_maximum_suppression(
            boxes, scores, iou_threshold, max_boxes, -np.inf, per_class_suppression
        )
        return chosen.swapaxes(1, 2), values.swapaxes(1, 2), indices
    count = len(boxes)
    chosen, values = np.zeros((count, max_boxes, 4)), np.zeros((count, max_boxes, scores.shape[2]))
    indices, counts = np.full((count, max_boxes), -1, np.int32), np.zeros(count, np.int32)
    for image in range(count):
        kept = _kept(boxes[image], scores[image], iou_threshold, score_threshold, per_class_suppression)[:max_boxes]
        counts[image] = len(kept)
        for place, box in enumerate(kept):
            chosen[image, place], values[image, place] = boxes[image, box], scores[image, box]
            indices[image, place] = box
    return chosen, values, indices, counts


def _kept(boxes: np.ndarray, scores: np.ndarray, iou: float, threshold: float, per_class: bool) -> list[int]:
    best = [max(row) for row in scores.tolist()]
    ranked = sorted(range(len(boxes)), key=lambda at: -best[at])
    kept: list[int] = []
    for candidate in (at for at in ranked if best[at] >= threshold):
        rivals = [k for k in kept if not per_class or scores[k].argmax() == scores[candidate].argmax()]
        if all(_overlap(boxes[candidate], boxes[rival]) <= iou for rival in rivals):
            kept.append(candidate)
    return kept if kept else ranked[:1]


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    shared = 1.0
    for axis in (0, 1):
        sides = [(box[axis] - box[axis + 2] / 2, box[axis] + box[axis + 2] / 2) for box in (one, other)]
        shared *= max(0.0, min(high for _, high in sides) - max(low for low, _ in sides))
    union = float(one[2] * one[3] + other[2] * other[3] - shared)
    return shared / union if union > 0 else 0.0

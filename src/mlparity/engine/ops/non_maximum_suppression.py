"""MIL's `non_maximum_suppression`, in its two layouts.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/tensor_operation.py` and `iOS17/tensor_operation.py`; that
one box is selected where every score is below the threshold, that -1 and 0 fill what is left, and that a box counts
for its best class follow coremltools' own test (`ops/tests/iOS14/test_tensor_operation.py`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("non_maximum_suppression", rounding=Rounding.NONE)
def non_maximum_suppression(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    score_threshold: float,
    max_boxes: int,
    per_class_suppression: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Select boxes by falling score, and drop each that overlaps a selected one by more than `iou_threshold`.

    A box (centre x, centre y, width, height) counts for the class of its best score; with `per_class_suppression` it
    is dropped by boxes of its own class alone. A box without area overlaps nothing. Equal scores come in order.
    Shape: boxes (N, B, 4) and scores (N, B, K) give (N, M, 4), (N, M, K), indices (N, M), counts (N,); M is max_boxes.
    """
    picks = [
        _selected(box, score, iou_threshold, score_threshold, max_boxes, per_class_suppression)
        for box, score in zip(boxes.detach(), scores.detach(), strict=True)
    ]
    counts = torch.tensor([len(pick) for pick in picks], dtype=torch.int32, device=boxes.device)
    indices = torch.full((len(picks), max_boxes), -1, dtype=torch.int64, device=boxes.device)
    for row, pick in zip(indices, picks, strict=True):
        row[: len(pick)] = pick
    return _taken(boxes, indices), _taken(scores, indices), indices.to(torch.int32), counts


@mil_op("non_maximum_suppression", since=17, rounding=Rounding.NONE)
def non_maximum_suppression_ios17(
    boxes: Tensor, scores: Tensor, iou_threshold: float, max_boxes: int, per_class_suppression: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Do as in iOS15 with the boxes in the last dimension, no threshold on scores, and no counts.

    Shape: boxes (N, 4, B) and scores (N, K, B) give (N, 4, M), (N, K, M) and indices (N, M), M = max_boxes.
    """
    everything = float("-inf")
    chosen, values, indices, _ = non_maximum_suppression(
        boxes.mT, scores.mT, iou_threshold, everything, max_boxes, per_class_suppression
    )
    return chosen.mT, values.mT, indices


def _selected(
    boxes: Tensor, scores: Tensor, iou_threshold: float, score_threshold: float, max_boxes: int, per_class: bool
) -> Tensor:
    """Return the indices of the selected boxes of one image, by falling score."""
    best, classes = scores.max(dim=-1)
    order = best.argsort(descending=True, stable=True)
    waiting = order[best[order] >= score_threshold]
    if len(waiting) == 0:
        return order[: min(1, max_boxes)]
    chosen: list[Tensor] = []
    while len(waiting) > 0 and len(chosen) < max_boxes:
        head, rest = waiting[0], waiting[1:]
        chosen.append(head)
        suppressed = _overlaps(boxes[head], boxes[rest]) > iou_threshold
        if per_class:
            suppressed &= classes[rest] == classes[head]
        waiting = rest[~suppressed]
    return torch.stack(chosen) if chosen else waiting[:0]


def _overlaps(box: Tensor, others: Tensor) -> Tensor:
    """Return the intersection of `box` with each other box over their union."""
    (low, high), (lows, highs) = (
        (boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2) for boxes in (box, others)
    )
    shared = (torch.minimum(high, highs) - torch.maximum(low, lows)).clamp(min=0).prod(-1)
    union = box[2:].prod(-1) + others[:, 2:].prod(-1) - shared
    return torch.where(union > 0, shared / union, torch.zeros_like(union))


def _taken(values: Tensor, indices: Tensor) -> Tensor:
    """Take rows of each image; the index -1 gives zeros."""
    rows = indices.clamp(min=0).unsqueeze(-1).expand(-1, -1, values.shape[-1])
    if values.shape[1] == 0:
        return values.new_zeros(rows.shape)
    return values.gather(1, rows).masked_fill((indices < 0).unsqueeze(-1), 0)

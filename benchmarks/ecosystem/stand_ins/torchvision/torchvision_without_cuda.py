"""torchvision's `nms` for a CPU build of torch: that of the package index is compiled against CUDA, and lacks it there.

Import it before torchvision, which asks for the operator at once. Source of the form: torchvision 0.28,
torchvision/csrc/ops/nms.cpp; of the rule: the greedy suppression that `torchvision.ops.nms` describes.
"""

from __future__ import annotations

import torch

_LIBRARY = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):  # the second is of quantised boxes, and nobody's here
    _LIBRARY.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def _nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left, kept = scores.argsort(descending=True, stable=True), []
    while left.numel():
        best, left = left[0], left[1:]
        kept.append(int(best))
        low, high = torch.maximum(boxes[left, :2], boxes[best, :2]), torch.minimum(boxes[left, 2:], boxes[best, 2:])
        shared = (high - low).clamp(min=0).prod(1)
        left = left[shared / (areas[left] + areas[best] - shared) <= iou_threshold]
    return torch.tensor(kept, dtype=torch.int64)


_LIBRARY.impl("nms", _nms, "CPU")

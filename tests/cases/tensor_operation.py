"""Cases of the tensor operations."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import EMPTY, SCALAR, SPECIAL, booleans, f32, i32, integers, normal, uniform
from tests.cases.case import Case

TIES = f32([[2.0, 1.0, 2.0, np.nan, 1.0, 2.0], [np.inf, -np.inf, 0.0, -0.0, np.inf, 3.0]])

_BOXES = np.concatenate([uniform(2, 20, 2, high=10), uniform(2, 20, 2, low=1, high=6, seed=1)], axis=2)
_SCORES = normal(2, 20, 3, seed=2)
_SMALL = f32([[[0, 0, 0, 0], [1, 1, 1, 1], [2, 2, 2, 2], [3, 3, 3, 3]]])
_RANKED = f32([[[-3.5], [9.4], [2.3], [0.7]]])


def _nms(opset: int = 15, **inputs: object) -> Case:
    if opset == 15:
        return Case("non_maximum_suppression", inputs)
    turned = {name: each.swapaxes(1, 2) if isinstance(each, np.ndarray) else each for name, each in inputs.items()}
    return Case("non_maximum_suppression", turned, opset=opset)


ORDERING = (
    Case("argsort", {"x": normal(3, 7)}),
    Case("argsort", {"x": normal(3, 7), "axis": 0, "ascending": True}, note="axis 0"),
    Case("argsort", {"x": TIES}, note="ties and NaN"),
    Case("argsort", {"x": TIES, "ascending": True}),
    Case("argsort", {"x": integers(2, 9), "axis": 1}),
    Case("argsort", {"x": EMPTY, "axis": 0}, note="empty"),
    Case("argsort", {"x": normal(3), "axis": 1}, raises=IndexError),
    Case("topk", {"x": normal(3, 7)}),
    Case("topk", {"x": normal(3, 7), "k": 2, "axis": 0, "ascending": True}),
    Case("topk", {"x": TIES, "k": 4}, note="ties and NaN"),
    Case("topk", {"x": integers(2, 9), "k": 0}),
    Case("topk", {"x": normal(3, 7), "k": 8}, raises=ValueError),
    Case("topk", {"x": normal(3, 7), "k": -1}, raises=ValueError),
    Case("topk", {"x": normal(3, 7), "k": 3, "return_indices": False}, opset=16),
    Case("topk", {"x": normal(3, 7), "k": 3, "sort": False}, opset=16),
    Case("topk", {"x": normal(3, 7), "k": -1, "axis": 0}, opset=17),
    Case("topk", {"x": normal(3, 7), "k": 2, "output_indices_dtype": "uint16"}, opset=17),
    Case("topk", {"x": normal(3, 7), "output_indices_dtype": "int8"}, opset=17, raises=ValueError),
)

BAND_PART = (
    Case("band_part", {"x": normal(2, 4, 5)}),
    Case("band_part", {"x": normal(2, 4, 5), "lower": 0, "upper": -1}, note="upper triangle"),
    Case("band_part", {"x": normal(5, 4), "lower": -1, "upper": 0}, note="lower triangle"),
    Case("band_part", {"x": normal(5, 4), "lower": 1, "upper": 2}),
    Case("band_part", {"x": SPECIAL.reshape(4, 4), "lower": 0, "upper": 0}, note="no NaN leaks out of the zeros"),
    Case("band_part", {"x": booleans(3, 3), "lower": 0, "upper": 1}),
    Case("band_part", {"x": normal(3), "lower": 0}, raises=RuntimeError),
)

JOINING = (
    Case("concat", {"values": [normal(2, 3), normal(4, 3, seed=1)], "axis": 0}, note="axis 0"),
    Case("concat", {"values": [integers(2, 3), integers(2, 1)], "axis": -1}),
    Case("concat", {"values": [normal(2, 3), normal(2, 3, seed=1)], "axis": 0, "interleave": True}),
    Case("concat", {"values": [normal(2, 3), normal(2, 3, seed=1)], "axis": -1, "interleave": True}),
    Case("concat", {"values": [SCALAR, f32(2.0)], "axis": 0}, note="scalars"),
    Case("concat", {"values": [EMPTY, normal(2, 3)], "axis": 0}, note="empty"),
    Case("concat", {"values": [normal(2, 3), normal(2, 4)], "axis": 0}, raises=RuntimeError),
    Case("concat", {"values": [normal(2, 3), normal(1, 3)], "axis": 0, "interleave": True}, raises=RuntimeError),
    Case("stack", {"values": [normal(2, 3), normal(2, 3, seed=1)], "axis": 0}, note="axis 0"),
    Case("stack", {"values": [booleans(2), booleans(2, seed=1)], "axis": -1}),
    Case("stack", {"values": [SCALAR, f32(2.0)], "axis": 0}),
    Case("stack", {"values": [normal(2), normal(3)], "axis": 0}, raises=RuntimeError),
    Case("tile", {"x": normal(2, 3), "reps": (3, 2)}),
    Case("tile", {"x": integers(2, 1), "reps": (1, 4)}),
    Case("tile", {"x": normal(2, 3), "reps": (2,)}, raises=ValueError),
    Case("split", {"x": normal(6, 3), "axis": 0, "num_splits": 3}, note="axis 0"),
    Case("split", {"x": normal(2, 6), "axis": -1, "split_sizes": (1, 3, 2)}),
    Case("split", {"x": integers(2, 6), "axis": 1, "num_splits": 2, "split_sizes": (6, 0)}, note="an empty part"),
    Case("split", {"x": normal(2, 6), "axis": 1}, raises=ValueError),
    Case("split", {"x": normal(2, 6), "axis": 1, "num_splits": 4}, raises=ValueError),
    Case("split", {"x": normal(2, 6), "axis": 1, "num_splits": 3, "split_sizes": (3, 3)}, raises=ValueError),
    Case("split", {"x": normal(2, 6), "axis": 1, "split_sizes": (3, 4)}, raises=RuntimeError),
)

CUMSUM = (
    Case("cumsum", {"x": normal(9, 3)}, ulp_fp32=4, note="eight additions"),
    Case("cumsum", {"x": normal(2, 9), "axis": 1, "exclusive": True}, ulp_fp32=4),
    Case("cumsum", {"x": normal(2, 9), "axis": -1, "reverse": True}, ulp_fp32=4),
    Case("cumsum", {"x": normal(2, 9), "axis": 1, "exclusive": True, "reverse": True}, ulp_fp32=4),
    Case("cumsum", {"x": integers(4, 3), "exclusive": True}),
    Case("cumsum", {"x": f32([1.0, np.inf, 2.0]), "exclusive": True}, note="inf"),
    Case("cumsum", {"x": EMPTY, "exclusive": True}, note="empty"),
    Case("cumsum", {"x": normal(2, 3), "axis": 2}, raises=IndexError),
)

MAKING = (
    Case("fill", {"shape": (2, 3)}),
    Case("fill", {"shape": (2, 3), "value": f32(1.5)}),
    Case("fill", {"shape": (4,), "value": i32(7)}),
    Case("fill", {"shape": (), "value": np.array(True)}, note="scalar"),
    Case("fill_like", {"ref_tensor": integers(2, 3)}, opset=16),
    Case("fill_like", {"ref_tensor": integers(2, 3), "value": f32(0.1)}, opset=16),
    Case("range_1d", {"start": f32(1), "end": f32(-1), "step": f32(-0.3)}),
    Case("range_1d", {"start": f32(5), "end": f32(15), "step": f32(2)}),
    Case("range_1d", {"start": i32(0), "end": i32(5), "step": i32(2)}),
    Case("range_1d", {"start": i32(5), "end": i32(0), "step": i32(1)}, note="empty"),
    Case("range_1d", {"start": f32(0), "end": f32(1), "step": f32(0)}, raises=ValueError),
    Case("range_1d", {"start": f32(0), "end": f32(np.inf), "step": f32(1)}, raises=ValueError),
    Case("one_hot", {"indices": i32([2, 0, 3]), "one_hot_vector_size": 4}),
    Case("one_hot", {"indices": i32([[2, 0], [1, 1]]), "one_hot_vector_size": 3, "axis": 0}, note="axis 0"),
    Case("one_hot", {"indices": i32([2, 0]), "one_hot_vector_size": 3, "on_value": f32(2.5), "off_value": f32(0.1)}),
    Case("one_hot", {"indices": i32([2, 0]), "one_hot_vector_size": 3, "off_value": f32(0.1)}),
    Case("one_hot", {"indices": i32([-1, 3, 1]), "one_hot_vector_size": 3}, note="outside"),
    Case("one_hot", {"indices": i32(1), "one_hot_vector_size": 3}, note="scalar"),
    Case("shape", {"x": normal(2, 3)}),
    Case("shape", {"x": SCALAR}, note="scalar"),
    Case("identity", {"x": SPECIAL}),
    Case("flatten2d", {"x": normal(2, 3, 4)}),
    Case("flatten2d", {"x": normal(2, 3, 4), "axis": -1}),
    Case("flatten2d", {"x": normal(3), "axis": 0}, note="axis 0"),
    Case("non_zero", {"x": f32([[3, 0, 0], [0, 4, 0], [5, 6, np.nan]])}),
    Case("non_zero", {"x": booleans(2, 3, 2)}),
    Case("non_zero", {"x": np.zeros((2, 2), np.int32)}, note="nothing"),
)

PAD = (
    Case("pad", {"x": normal(2, 3), "pad": (1, 0, 2, 1), "constant_val": 1.5}),
    Case("pad", {"x": normal(2, 3, 4), "pad": (0, 2)}),
    Case("pad", {"x": integers(2, 3), "pad": (1, 1)}),
    Case("pad", {"x": normal(2, 3), "pad": (0, 0, 0, 0), "mode": "reflect"}),
    Case("pad", {"x": normal(1, 2, 4, 5), "pad": (3, 1, 0, 4), "mode": "reflect"}),
    Case("pad", {"x": normal(5), "pad": (4, 4), "mode": "reflect"}, note="rank 1"),
    Case("pad", {"x": normal(2, 3, 2, 3, 2), "pad": (1, 0, 2, 1, 1, 0, 2, 2, 1, 1), "mode": "reflect"}, note="rank 5"),
    Case("pad", {"x": integers(2, 4), "pad": (3, 2), "mode": "reflect"}),
    Case("pad", {"x": normal(2, 3, 4), "pad": (2, 5, 1, 0), "mode": "replicate"}),
    Case("pad", {"x": normal(2, 3, 2, 2), "pad": (1, 0, 2, 1, 1, 0, 2, 2), "mode": "replicate"}, note="all axes"),
    Case("pad", {"x": normal(5), "pad": (5, 0), "mode": "reflect"}, raises=RuntimeError),
    Case("pad", {"x": integers(5), "pad": (5, 0), "mode": "reflect"}, raises=ValueError),
    Case("pad", {"x": normal(5), "pad": (1, 1), "mode": "wrap"}, raises=ValueError),
    Case("pad", {"x": normal(5), "pad": (1, 1, 1, 1)}, raises=ValueError),
    Case("pad", {"x": normal(5), "pad": (1,)}, raises=ValueError),
    Case("pad", {"x": normal(5), "pad": (-1, 0)}, raises=ValueError),
)

NMS = (
    _nms(boxes=_SMALL, scores=_RANKED, iou_threshold=0.2, score_threshold=0.4, max_boxes=2, per_class_suppression=True),
    _nms(boxes=_SMALL, scores=_RANKED, iou_threshold=0.2, score_threshold=50.0, max_boxes=2),
    _nms(boxes=_BOXES, scores=_SCORES, iou_threshold=0.125, score_threshold=-0.5, max_boxes=8),
    _nms(
        boxes=_BOXES,
        scores=_SCORES,
        iou_threshold=0.125,
        score_threshold=-5.0,
        max_boxes=15,
        per_class_suppression=True,
    ),
    _nms(
        boxes=np.tile(_SMALL[:, 1:2], (1, 3, 1)),
        scores=f32([[[1], [1], [1]]]),
        iou_threshold=0.5,
        score_threshold=0.0,
        max_boxes=3,
    ),
    _nms(17, boxes=_SMALL, scores=_RANKED, iou_threshold=0.2, max_boxes=5),
    _nms(17, boxes=_BOXES, scores=_SCORES, iou_threshold=0.25, max_boxes=6),
    _nms(17, boxes=_BOXES, scores=_SCORES, iou_threshold=0.25, max_boxes=25, per_class_suppression=True),
)

CASES = ORDERING + BAND_PART + JOINING + CUMSUM + MAKING + PAD + NMS

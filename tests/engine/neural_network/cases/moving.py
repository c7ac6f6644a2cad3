"""Shapes, orders, parts and joins; constants; padding and resizing."""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F

from tests.engine.neural_network.cases.case import Case, normal, numbers, whole, wide
from tests.engine.neural_network.cases.images import edges, t

FIVE = normal(2, 3, 4, 2, 6)
FOUR = normal(2, 4, 2, 6)
THREE = normal(2, 3, 4)


def last(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -3, -1)


SHAPES = (
    Case("reshapeStatic", {"targetShape": [4, -1]}, [THREE], lambda x: x.reshape(4, 6)),
    Case("reshapeLike", {}, [THREE, normal(4, 6)], lambda x, y: x.reshape(y.shape)),
    Case("reshapeDynamic", {}, [THREE, numbers([4, 6])], lambda x, y: x.reshape(4, 6)),
    Case("rankPreservingReshape", {"targetShape": [4, 0, -1]}, [THREE], lambda x: x.reshape(4, 3, 2)),
    Case("reshape", {"targetShape": [6, 2, 4]}, [FIVE], lambda x: x.reshape(2, 3, 6, 2, 4), "first"),
    Case(
        "reshape",
        {"targetShape": [6, 2, 4], "mode": 1},
        [FIVE],
        lambda x: np.moveaxis(last(x).reshape(2, 3, 2, 4, 6), -1, -3),
        "last",
    ),
    Case("reshape", {"targetShape": [4, 2, 2, 6]}, [normal(2, 1, 4, 2, 6)], lambda x: x.reshape(4, 1, 2, 2, 6), "four"),
    Case("flatten", {}, [FIVE], lambda x: x.reshape(2, 3, 48, 1, 1), "first"),
    Case("flatten", {"mode": 1}, [FOUR], lambda x: last(x).reshape(2, 48, 1, 1), "last"),
    *(
        Case("flattenTo2D", {"axis": axis}, [THREE], lambda x, s=shape: x.reshape(s), str(axis))
        for axis, shape in ((0, (1, 24)), (1, (2, 12)), (-1, (6, 4)), (-3, (1, 24)), (3, (24, 1)))
    ),
    Case("permute", {"axis": [3, 1, 2, 0]}, [FIVE], lambda x: x.transpose(4, 1, 2, 3, 0)),
    Case("transpose", {"axes": [2, 0, 1]}, [THREE], lambda x: x.transpose(2, 0, 1)),
    Case("expandDims", {"axes": [0, -1]}, [THREE], lambda x: x[None, ..., None]),
    Case("squeeze", {"axes": [0, -1]}, [normal(1, 3, 1)], lambda x: x.reshape(3)),
    Case("squeeze", {"squeezeAll": True}, [normal(1, 3, 1)], lambda x: x.reshape(3), "all"),
    Case("squeeze", {"squeezeAll": True}, [normal(1, 1)], lambda x: x.reshape(1), "to a number"),
    Case("getShape", {}, [THREE], lambda x: np.array([2, 3, 4])),
    Case("reverse", {"reverseDim": [True, False, True]}, [THREE], lambda x: x[::-1, :, ::-1]),
    Case("reverse", {"reverseDim": [False]}, [normal(3)], lambda x: x, "nothing"),
    Case(
        "reverseSeq",
        {"batchAxis": 0, "sequenceAxis": 1},
        [THREE, numbers([2, 3])],
        lambda x, _: np.stack([x[0][[1, 0, 2]], x[1][::-1]]),
    ),
    Case(
        "slidingWindows",
        {"axis": 0, "windowSize": 3, "step": 2},
        [normal(7)],
        lambda x: x[[[0, 1, 2], [2, 3, 4], [4, 5, 6]]],
    ),
    Case(
        "slidingWindows",
        {"axis": -2, "windowSize": 2, "step": 1},
        [THREE],
        lambda x: x[:, [[0, 1], [1, 2]]],
        "negative",
    ),
    Case("reorganizeData", {"mode": 2, "blockSize": 2}, [FOUR], lambda x: F.pixel_shuffle(t(x), 2).numpy(), "shuffle"),
    Case(
        "reorganizeData",
        {"mode": 0, "blockSize": 2},
        [FOUR],
        lambda x: x.reshape(2, 4, 1, 2, 3, 2).transpose(0, 3, 5, 1, 2, 4).reshape(2, 16, 1, 3),
        "to depth",
    ),
    Case(
        "reorganizeData",
        {"mode": 1, "blockSize": 2},
        [np.arange(1, 17, dtype=np.float32).reshape(8, 1, 2)],
        lambda _: np.array([[[1, 5, 2, 6], [9, 13, 10, 14]], [[3, 7, 4, 8], [11, 15, 12, 16]]]),
        "to space, the example of the specification",
    ),
)

JOINS = (
    Case("concat", {}, [FOUR, normal(2, 3, 2, 6)], lambda x, y: np.concatenate([x, y], 1)),
    Case("concat", {"sequenceConcat": True}, [FIVE, FIVE], lambda x, y: np.concatenate([x, y], 0), "sequence"),
    Case("concatND", {"axis": -1}, [THREE, normal(2, 3, 1)], lambda x, y: np.concatenate([x, y], -1)),
    Case(
        "concatND",
        {"axis": 0, "interleave": True},
        [THREE, THREE + 1],
        lambda x, y: np.stack([x, y], 1).reshape(4, 3, 4),
        "interleaved",
    ),
    Case("stack", {"axis": -2}, [THREE, THREE + 1], lambda x, y: np.stack([x, y], -2)),
    Case("split", {"nOutputs": 2}, [FOUR], lambda x: (x[:, :2], x[:, 2:]), outputs=2),
    Case("splitND", {"axis": -2, "splitSizes": [1, 2]}, [THREE], lambda x: (x[:, :1], x[:, 1:]), "sizes", outputs=2),
    Case("splitND", {"axis": 2, "numSplits": 2}, [THREE], lambda x: (x[..., :2], x[..., 2:]), "equal", outputs=2),
    Case(
        "splitND",
        {"axis": 0, "numSplits": 3},
        [normal(7, 2)],
        lambda x: tuple(np.array_split(x, 3)),
        "almost equal",
        outputs=3,
    ),
    Case("sequenceRepeat", {"nRepetitions": 3}, [FIVE], lambda x: np.tile(x, (3, 1, 1, 1, 1))),
    Case("tile", {"reps": [2, 3]}, [THREE], lambda x: np.tile(x, (1, 2, 3))),
    Case("tile", {}, [THREE, numbers([1, 2, 3])], lambda x, _: np.tile(x, (1, 2, 3)), "dynamic"),
    Case("tile", {}, [THREE, numbers([2, 3])], lambda x, _: np.tile(x, (1, 2, 3)), "dynamic, for the last axes"),
    Case("broadcastToStatic", {"targetShape": [5, 2, 3]}, [normal(2, 1)], lambda x: np.broadcast_to(x, (5, 2, 3))),
    Case("broadcastToLike", {}, [normal(2, 1), normal(5, 2, 3)], lambda x, y: np.broadcast_to(x, y.shape)),
    Case("broadcastToDynamic", {}, [normal(2, 1), numbers([5, 2, 3])], lambda x, _: np.broadcast_to(x, (5, 2, 3))),
)

BORDERS = ((0, 0), (0, 0), (1, 0), (2, 1))
PARTS = (
    *(
        Case("slice", {"startIndex": first, "endIndex": end, "stride": step, "axis": axis}, [FOUR], oracle, str(axis))
        for axis, first, end, step, oracle in (
            (0, 1, -1, 1, lambda x: x[:, 1:-1]),
            (1, 0, 1, 1, lambda x: x[:, :, :1]),
            (2, -5, 6, 2, lambda x: x[..., -5:6:2]),
        )
    ),
    Case(
        "sliceStatic",
        {
            "beginIds": [1, 2, 3],
            "beginMasks": [True, False, True],
            "endIds": [3, -3, 2],
            "endMasks": [False, True, True],
        }
        | {"strides": [2, 2, 2], "squeezeMasks": [False, True, False]},
        [normal(5, 5, 5)],
        lambda x: x[:3:2, 2, ::2],
        "the example of the specification",
    ),
    Case(
        "sliceStatic",
        {"beginIds": [-1], "beginMasks": [False], "endIds": [0], "endMasks": [True], "strides": [-2]},
        [normal(6)],
        lambda x: x[::-2],
        "backwards",
    ),
    Case(
        "sliceDynamic",
        {"strides": [1, 2], "endMasks": [False, True], "beginMasks": [False, False], "endIds": [0, 0]},
        [normal(4, 6), numbers([1, 1]), numbers([3, 0])],
        lambda x, *_: x[1:3, 1::2],
    ),
    Case(
        "sliceDynamic",
        {"strides": [1] * 5, "endMasks": [False] * 5, "beginMasks": [False] * 5, "endIds": [1] * 5},
        [normal(4, 6), numbers([1, 1]), numbers([3, 2])],
        lambda x, *_: x[1:3, 1:2],
        "numbers for more axes than there are",
    ),
    Case("sliceBySize", {"size": 2, "axis": 1}, [THREE, numbers([1])], lambda x, _: x[:, 1:3]),
    Case("crop", {"cropAmounts": edges(0, 1, 2, 1)}, [FOUR], lambda x: x[:, :, :1, 2:-1]),
    Case("crop", {"offset": [1, 2]}, [FOUR, normal(2, 4, 1, 3)], lambda x, _: x[:, :, 1:2, 2:5], "like another"),
    *(
        Case(
            "padding",
            {"paddingAmounts": edges(1, 0, 2, 1), **kind},
            [FOUR],
            lambda x, m=mode: np.pad(x, BORDERS, **m),
            name,
        )
        for name, kind, mode in (
            ("constant", {"constant": {"value": 1.5}}, {"mode": "constant", "constant_values": 1.5}),
            ("reflection", {"reflection": {}}, {"mode": "reflect"}),
            ("replication", {"replication": {}}, {"mode": "edge"}),
        )
    ),
)

PAD = {"value": 0.5, "padAmounts": [0, 1, 2, 0]}


def padded(x: np.ndarray, *pairs: tuple[int, int]) -> np.ndarray:
    return np.pad(x, pairs, constant_values=0.5)


SAMPLES = normal(1, 2, 5, 6)
BOXES = numbers([[0, 1, 3, 4], [1, 0, 4, 5]])


def interpolated(x: np.ndarray, size: tuple[int, int], *, align: bool) -> np.ndarray:
    return F.interpolate(t(x), size=size, mode="bilinear", align_corners=align).numpy()


def sampled(x: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return an image at rows and columns, linearly between neighbours."""
    for axis, points in ((-2, down), (-1, across)):
        low = np.floor(points).astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        part = (points - low).reshape((-1, 1) if axis == -2 else (-1,))
        x = np.take(x, low, axis) * (1 - part) + np.take(x, high, axis) * part
    return x


def edge_points(size: int, count: int) -> np.ndarray:
    return np.minimum(np.arange(count) * size / count, size - 1)


def bins(size: int, count: int) -> np.ndarray:
    return (np.arange(count) + 0.5) * (size - 1) / count


UP = {"mode": 1, "scalingFactor": [2, 3]}
RESIZING = (
    Case("constantPad", PAD, [normal(2, 3)], lambda x: padded(x, (0, 1), (2, 0))),
    Case(
        "constantPad",
        {"value": 0.5},
        [normal(2, 3), numbers([1, 0, 0, 2])],
        lambda x, _: padded(x, (1, 0), (0, 2)),
        "dynamic",
    ),
    Case(
        "constantPad",
        {"value": 0.5, "padAmounts": [0, 4, 5, 0], "padToGivenOutputSizeMode": True},
        [normal(2, 3)],
        lambda x: padded(x, (0, 2), (2, 0)),
        "to a size",
    ),
    Case("upsample", {"scalingFactor": [2, 3]}, [THREE], lambda x: x.repeat(2, 1).repeat(3, 2), "nearest"),
    Case(
        "upsample",
        UP,
        [SAMPLES],
        lambda x: sampled(x, edge_points(5, 10), edge_points(6, 18)),
        "linear",
    ),
    Case(
        "upsample",
        {**UP, "linearUpsampleMode": 1},
        [SAMPLES],
        lambda x: interpolated(x, (10, 18), align=True),
        "corners",
    ),
    Case(
        "upsample",
        {**UP, "linearUpsampleMode": 2},
        [SAMPLES],
        lambda x: interpolated(x, (10, 18), align=False),
        "halves",
    ),
    Case(
        "upsample",
        {"mode": 1, "fractionalScalingFactor": [1.5, 2.5], "linearUpsampleMode": 1},
        [SAMPLES],
        lambda x: interpolated(x, (7, 15), align=True),
        "fractional",
    ),
    *(
        Case("resizeBilinear", {"targetSize": [8, 4], "mode": {"samplingMethod": mode}}, [SAMPLES], oracle, str(mode))
        for mode, oracle in (
            (0, lambda x: interpolated(x, (8, 4), align=True)),
            (1, lambda x: interpolated(x, (8, 4), align=True)),
            (2, lambda x: sampled(x, edge_points(5, 8), edge_points(6, 4))),
            (3, lambda x: sampled(x, bins(5, 8), bins(6, 4))),
        )
    ),
    *(
        Case(
            "resizeBilinear", {"targetSize": [1, 1], "mode": {"samplingMethod": mode}}, [SAMPLES], oracle, f"one {mode}"
        )
        for mode, oracle in (
            (0, lambda x: x[..., :1, :1]),
            (1, lambda x: sampled(x, np.array([2.0]), np.array([2.5]))),
        )
    ),
    Case(
        "cropResize",
        {"targetSize": [4, 4], "mode": {"samplingMethod": 0}, "spatialScale": 1.0},
        [SAMPLES[None], BOXES.reshape(2, 1, 4, 1, 1)],
        lambda x, b: np.stack(
            [sampled(x[0], np.linspace(r[0], r[2], 4), np.linspace(r[1], r[3], 4)) for r in b.reshape(2, 4)]
        ),
    ),
    Case(
        "cropResize",
        {"targetSize": [4, 4], "mode": {"samplingMethod": 0}, "spatialScale": 1.0},
        [SAMPLES[None], np.insert(BOXES.reshape(2, 1, 4, 1, 1), 0, 0.0, axis=2)],
        lambda x, b: np.stack(
            [sampled(x[0], np.linspace(r[0], r[2], 4), np.linspace(r[1], r[3], 4)) for r in b.reshape(2, 5)[:, 1:]]
        ),
    ),
)

DATA = normal(3, 4, 2)
CREATION = (
    Case("loadConstantND", {"shape": [3, 4, 2], "data": DATA}, [], lambda: wide(DATA)),
    Case("loadConstant", {"shape": [3, 4, 2], "data": DATA}, [], lambda: wide(DATA)[None, None]),
    Case("fillStatic", {"value": 1.5, "targetShape": [2, 3]}, [], lambda: np.full((2, 3), 1.5)),
    Case("fillLike", {"value": 1.5}, [THREE], lambda x: np.full(x.shape, 1.5)),
    Case("fillDynamic", {"value": 1.5}, [numbers([2, 3])], lambda _: np.full((2, 3), 1.5)),
    Case("rangeStatic", {"startValue": 1, "endValue": 8, "stepSizeValue": 2.5}, [], lambda: np.arange(1, 8, 2.5)),
    Case("rangeDynamic", {"startValue": 1, "stepSizeValue": 2}, [numbers([6])], lambda _: np.arange(1, 6, 2), "end"),
    Case(
        "rangeDynamic",
        {},
        [numbers([6]), numbers([1]), numbers([2])],
        lambda *_: np.arange(1, 6, 2),
        "all",
    ),
    *(
        Case(
            "scale",
            {
                "shapeScale": shape,
                "scale": (scale := normal(*shape)),
                "hasBias": True,
                "shapeBias": [1],
                "bias": normal(1) * 0 + 2,
            },
            [FOUR],
            lambda x, s=scale: x * (wide(s) if s.ndim == 3 else wide(s)[:, None, None]) + 2,
            str(shape),
        )
        for shape in ([1], [4], [1, 2, 6], [4, 2, 6])
    ),
    Case("bias", {"shape": [4], "bias": (bias := normal(4))}, [FOUR], lambda x: x + wide(bias)[:, None, None]),
)

TALL = normal(2, 4, 3)
TRIANGLES = (
    *(
        Case(name, {"k": k}, [TALL], lambda x, f=function, k=k: f(x, k), str(k))
        for name, function in (("lowerTriangular", np.tril), ("upperTriangular", np.triu))
        for k in (-3, -1, 0, 1, 2)
    ),
    *(
        Case(
            "matrixBandPart",
            {"numLower": lower, "numUpper": upper},
            [TALL],
            lambda x, a=lower, b=upper: np.triu(np.tril(x, b if b >= 0 else 9), -a if a >= 0 else -9),
            f"{lower} {upper}",
        )
        for lower, upper in ((0, 0), (1, -1), (-1, 1), (-1, -1))
    ),
    Case(
        "oneHot",
        {"oneHotVectorSize": 4, "axis": 1, "onValue": 5.0, "offValue": -1.0},
        [numbers([[2, 0, -1]])],
        lambda x: np.stack([np.where(x == at, 5.0, -1.0) for at in range(4)], 1),
    ),
    Case("whereBroadcastable", {}, [whole(2, 2, 1), normal(2, 3), normal(3)], lambda c, x, y: np.where(c, x, y)),
    Case("whereNonZero", {}, [numbers([[1, 0, 2], [0, 0, 3]])], lambda x: np.argwhere(x)),
)

CASES = (*SHAPES, *JOINS, *PARTS, *RESIZING, *CREATION, *TRIANGLES)

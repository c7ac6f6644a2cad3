"""Convolutions, pools, products, normalizations, padding and resizing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.engine.neural_network.cases.case import Case, normal, whole, wide

IMAGE = normal(2, 4, 7, 8)
KERNEL = normal(6, 4, 3, 2)
GROUPED = normal(6, 2, 3, 2)
BIAS = normal(6)


def edges(top: int, bottom: int, left: int, right: int) -> dict[str, Any]:
    pairs = ((top, bottom), (left, right))
    return {"borderAmounts": [{"startEdgeSize": start, "endEdgeSize": end} for start, end in pairs]}


def t(x: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(x, np.float64))


def same(size: int, kernel: int, step: int, *, lower: bool) -> tuple[int, int]:
    total = max(0, (-(-size // step) - 1) * step + kernel - size)
    less, more = total // 2, total - total // 2
    return (more, less) if lower else (less, more)


def convolved(x: np.ndarray, weight: np.ndarray, pads: Sequence[int], **more: Any) -> np.ndarray:
    """Pads are top, bottom, left and right."""
    top, bottom, left, right = pads
    flat = t(x).reshape(-1, *x.shape[-3:])
    y = F.conv2d(F.pad(flat, (left, right, top, bottom)), t(weight), **more)
    return y.reshape(*x.shape[:-3], *y.shape[1:]).numpy()


def convolution(weight: np.ndarray = KERNEL, *, groups: int = 1, bias: bool = False, **more: Any) -> dict[str, Any]:
    params = {"outputChannels": len(weight), "kernelChannels": weight.shape[1], "nGroups": groups}
    params |= {"kernelSize": list(weight.shape[2:]), "weights": weight, **more}
    return params | ({"hasBias": True, "bias": BIAS} if bias else {})


def deconvolution(weight: np.ndarray, groups: int = 1, **more: Any) -> dict[str, Any]:
    params = {"outputChannels": weight.shape[1] * groups, "kernelChannels": len(weight), "nGroups": groups}
    return params | {"kernelSize": list(weight.shape[2:]), "weights": weight, "isDeconvolution": True, **more}


BACK = normal(4, 3, 3, 2)
STRIDES: dict[str, Any] = {"stride": [2, 3]}
SAMES = {0: False, 1: True}


def same_convolution(x: np.ndarray, lower: bool) -> np.ndarray:
    pads = (*same(7, 3, 2, lower=lower), *same(8, 2, 3, lower=lower))
    return convolved(x, KERNEL, pads, stride=(2, 3))


CONVOLUTIONS = (
    Case("convolution", convolution(bias=True), [IMAGE], lambda x: convolved(x, KERNEL, (0,) * 4, bias=t(BIAS))),
    Case("convolution", convolution(valid={}), [IMAGE[0]], lambda x: convolved(x[None], KERNEL, (0,) * 4)[0], "rank 3"),
    Case("convolution", convolution(), [normal(2, 3, 4, 5, 6)], lambda x: convolved(x, KERNEL, (0,) * 4), "rank 5"),
    Case(
        "convolution",
        convolution(valid={"paddingAmounts": edges(1, 2, 0, 3)}, dilationFactor=[2, 1], **STRIDES),
        [IMAGE],
        lambda x: convolved(x, KERNEL, (1, 2, 0, 3), stride=(2, 3), dilation=(2, 1)),
        "asymmetric",
    ),
    *(
        Case(
            "convolution",
            convolution(same={"asymmetryMode": mode}, **STRIDES),
            [IMAGE],
            lambda x, lower=lower: same_convolution(x, lower),
            f"same {mode}",
        )
        for mode, lower in SAMES.items()
    ),
    Case("convolution", convolution(GROUPED, groups=2), [IMAGE], lambda x: convolved(x, GROUPED, (0,) * 4, groups=2)),
    Case(
        "convolution",
        {"outputChannels": 6, "kernelChannels": 4, "kernelSize": [3, 2]},
        [IMAGE, KERNEL],
        lambda x, w: convolved(x, w, (0,) * 4),
        "weights as an input",
    ),
    Case("convolution", convolution(), [normal(0, 4, 5, 5)], lambda x: np.zeros((0, 6, 3, 4)), "empty"),
    Case("convolution", deconvolution(BACK), [IMAGE], lambda x: F.conv_transpose2d(t(x), t(BACK)).numpy(), "back"),
    Case(
        "convolution",
        deconvolution(BACK, dilationFactor=[2, 1]),
        [IMAGE],
        lambda x: F.conv_transpose2d(t(x), t(BACK), dilation=(2, 1)).numpy(),
        "back dilated",
    ),
    Case(
        "convolution",
        deconvolution(BACK, valid={"paddingAmounts": edges(1, 0, 0, 2)}, **STRIDES),
        [IMAGE],
        lambda x: F.conv_transpose2d(t(x), t(BACK), stride=(2, 3)).numpy()[:, :, 1:, :-2],
        "back asymmetric",
    ),
    Case(
        "convolution",
        deconvolution(normal(4, 2, 4, 4), same={}, stride=[2, 2]),
        [IMAGE],
        lambda x, w=None: None,
        "back same",
    ),
    Case(
        "convolution",
        deconvolution(BACK, outputShape=[14, 23], valid={}, **STRIDES),
        [IMAGE],
        lambda x: F.conv_transpose2d(t(x), t(BACK), stride=(2, 3)).numpy()[:, :, :14, :23],
        "back to a shape",
    ),
)
_SAME_BACK = CONVOLUTIONS[-2].params["weights"]
CONVOLUTIONS = (
    *(each for each in CONVOLUTIONS if each.note != "back same"),
    Case(
        "convolution",
        CONVOLUTIONS[-2].params,
        [IMAGE],
        lambda x: F.conv_transpose2d(t(x), t(_SAME_BACK), stride=2).numpy()[:, :, 1:-1, 1:-1],
        "back same",
    ),
)

VOLUME = normal(2, 2, 4, 5, 6)
VOLUME_KERNEL = normal(3, 2, 2, 3, 2)
AXES = ("Depth", "Height", "Width")
SIDES = ("Front", "Back", "Top", "Bottom", "Left", "Right")


def volume(name: str, values: Sequence[int]) -> dict[str, int]:
    return {f"{name}{axis}": value for axis, value in zip(AXES, values, strict=True)}


CUSTOM = {f"customPadding{side}": amount for side, amount in zip(SIDES, (1, 0, 2, 1, 0, 1), strict=True)}
CONVOLUTION3D: Mapping[str, Any] = {
    "outputChannels": 3,
    "inputChannels": 2,
    "nGroups": 1,
    "weights": VOLUME_KERNEL,
    **volume("kernel", (2, 3, 2)),
    **volume("stride", (1, 2, 1)),
    **volume("dilation", (1, 1, 1)),
}


def convolved3d(x: np.ndarray, pads: Sequence[int]) -> np.ndarray:
    front, back, top, bottom, left, right = pads
    padded = F.pad(t(x), (left, right, top, bottom, front, back))
    return F.conv3d(padded, t(VOLUME_KERNEL), stride=(1, 2, 1)).numpy()


VOLUMES = (
    Case("convolution3d", {**CONVOLUTION3D, "paddingType": 1}, [VOLUME], lambda x: convolved3d(x, (0,) * 6), "valid"),
    Case(
        "convolution3d",
        {**CONVOLUTION3D, "paddingType": 0, **CUSTOM},
        [VOLUME],
        lambda x: convolved3d(x, (1, 0, 2, 1, 0, 1)),
        "custom",
    ),
    Case(
        "convolution3d",
        {**CONVOLUTION3D, "paddingType": 2},
        [VOLUME],
        lambda x: convolved3d(x, (0, 1, 1, 1, 0, 1)),
        "same",
    ),
    Case(
        "pooling3d",
        {"type": 0, "paddingType": 1, **volume("kernel", (2, 2, 3)), **volume("stride", (1, 2, 1))},
        [VOLUME],
        lambda x: F.max_pool3d(t(x), (2, 2, 3), (1, 2, 1)).numpy(),
        "max",
    ),
    Case(
        "pooling3d",
        {"type": 1, "paddingType": 0, **volume("kernel", (3, 3, 3)), **volume("stride", (1, 1, 2))}
        | {f"customPadding{side}": 1 for side in SIDES}
        | {"countExcludePadding": True},
        [VOLUME],
        lambda x: F.avg_pool3d(t(x), 3, (1, 1, 2), 1, count_include_pad=False).numpy(),
        "average",
    ),
    Case("globalPooling3d", {"type": 0}, [VOLUME], lambda x: x.max((2, 3, 4), keepdims=True), "max"),
    Case("globalPooling3d", {"type": 1}, [VOLUME], lambda x: x.mean((2, 3, 4), keepdims=True), "average"),
)


def l2(x: np.ndarray) -> np.ndarray:
    return np.sqrt(F.avg_pool2d(t(x) ** 2, (3, 2), (2, 1)).numpy() * 6)


POOL = {"kernelSize": [3, 2], "stride": [2, 1]}
CEIL = {"kernelSize": [3, 3], "stride": [2, 2], "includeLastPixel": {"paddingAmounts": [1, 1]}}
GLOBAL = {"globalPooling": True}
POOLS = (
    Case("pooling", {"type": 0, **POOL}, [IMAGE], lambda x: F.max_pool2d(t(x), (3, 2), (2, 1)).numpy(), "max"),
    Case("pooling", {"type": 1, **POOL}, [IMAGE], lambda x: F.avg_pool2d(t(x), (3, 2), (2, 1)).numpy(), "average"),
    Case("pooling", {"type": 2, **POOL}, [IMAGE], l2, "l2"),
    Case("pooling", {"type": 0}, [IMAGE], lambda x: F.max_pool2d(t(x), 3, 1).numpy(), "defaults"),
    Case(
        "pooling", {"type": 0, **CEIL}, [IMAGE], lambda x: F.max_pool2d(t(x), 3, 2, 1, ceil_mode=True).numpy(), "ceil"
    ),
    Case(
        "pooling",
        {
            "type": 1,
            "kernelSize": [3, 3],
            "valid": {"paddingAmounts": edges(1, 1, 1, 1)},
            "avgPoolExcludePadding": True,
        },
        [IMAGE],
        lambda x: F.avg_pool2d(t(x), 3, 1, 1, count_include_pad=False).numpy(),
        "excluding",
    ),
    Case(
        "pooling",
        {"type": 1, "kernelSize": [2, 2], "valid": {"paddingAmounts": edges(0, 1, 1, 0)}},
        [IMAGE],
        lambda x: F.avg_pool2d(F.pad(t(x), (1, 0, 0, 1)), 2, 1).numpy(),
        "asymmetric",
    ),
    *(
        Case(
            "pooling",
            {"type": 0, "kernelSize": [2, 2], "same": {"asymmetryMode": mode}},
            [IMAGE],
            lambda x, lower=lower: F.max_pool2d(
                F.pad(t(x), (1, 0, 1, 0) if lower else (0, 1, 0, 1), value=-np.inf), 2, 1
            ).numpy(),
            f"same {mode}",
        )
        for mode, lower in SAMES.items()
    ),
    *(
        Case("pooling", {"type": kind, **GLOBAL}, [normal(2, 1, 3, 4, 5)], oracle, f"global {kind}")
        for kind, oracle in enumerate(
            (
                lambda x: x.max((-2, -1), keepdims=True),
                lambda x: x.mean((-2, -1), keepdims=True),
                lambda x: np.sqrt((x**2).sum((-2, -1), keepdims=True)),
            )
        )
    ),
)

MEAN, VARIANCE, GAMMA, BETA = normal(4), np.abs(normal(4)) + 0.5, normal(4), normal(4)


def by_channel(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, epsilon: float = 1e-5) -> np.ndarray:
    gamma, beta = (wide(each).reshape(-1, 1, 1) for each in (GAMMA, BETA))
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def moments(x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return x.mean(axes, keepdims=True), x.var(axes, keepdims=True)


def spread(values: np.ndarray) -> np.ndarray:
    return wide(values).reshape(-1, 1, 1)


NORM = {"channels": 4, "gamma": GAMMA, "beta": BETA}
NORMALIZATIONS = (
    *(
        Case(
            "batchnorm",
            {**NORM, "mean": MEAN, "variance": VARIANCE, "epsilon": epsilon},
            [x],
            lambda x, e=epsilon or 1e-5: by_channel(x, spread(MEAN), spread(VARIANCE), e),
            f"rank {x.ndim}",
        )
        for x, epsilon in ((IMAGE, 0.0), (IMAGE[0], 0.25), (normal(2, 2, 4, 3, 2), 0.0))
    ),
    Case(
        "batchnorm",
        {**NORM, "computeMeanVar": True, "instanceNormalization": True},
        [IMAGE],
        lambda x: by_channel(x, *moments(x, (2, 3))),
        "instance",
    ),
    Case(
        "batchnorm",
        {**NORM, "computeMeanVar": True},
        [IMAGE],
        lambda x: by_channel(x, *moments(x, (0, 2, 3))),
        "batch",
    ),
    *(
        Case(
            "mvn",
            {"acrossChannels": across, "normalizeVariance": scaled, "epsilon": 0.125},
            [IMAGE],
            lambda x, axes=axes, scaled=scaled: (
                (x - moments(x, axes)[0]) / np.sqrt((moments(x, axes)[1] if scaled else 0.875) + 0.125)
            ),
            f"{across} {scaled}",
        )
        for across, axes in ((False, (2, 3)), (True, (1, 2, 3)))
        for scaled in (False, True)
    ),
    Case("l2normalize", {}, [IMAGE], lambda x: x / np.sqrt((x**2).sum((1, 2, 3), keepdims=True) + 1e-6)),
    Case("softmax", {}, [IMAGE], lambda x: torch.softmax(t(x), 1).numpy()),
    Case("softmaxND", {"axis": -1}, [IMAGE], lambda x: torch.softmax(t(x), -1).numpy(), "last"),
    Case("softmaxND", {"axis": 0}, [normal(4)], lambda x: torch.softmax(t(x), 0).numpy(), "rank 1"),
    Case(
        "lrn",
        {"alpha": 0.5, "beta": 0.75, "localSize": 3, "k": 2.0},
        [IMAGE],
        lambda x: F.local_response_norm(t(x), 3, 0.5, 0.75, 2.0).numpy(),
    ),
    Case(
        "lrn",
        {"alpha": 0.5, "beta": 0.75, "localSize": 3},
        [IMAGE],
        lambda x: F.local_response_norm(t(x), 3, 0.5, 0.75, 1.0).numpy(),
        "default",
    ),
    Case(
        "layerNormalization",
        {"normalizedShape": [4, 7], "eps": 1e-3, "gamma": (g := normal(4, 7)), "beta": (b := normal(4, 7))},
        [normal(3, 4, 7)],
        lambda x: F.layer_norm(t(x), (4, 7), t(g), t(b), 1e-3).numpy(),
    ),
)

WEIGHT, OFFSET = normal(5, 12), normal(5)
DENSE = {"inputChannels": 12, "outputChannels": 5, "weights": WEIGHT, "hasBias": True, "bias": OFFSET}


def dense(x: np.ndarray) -> np.ndarray:
    return x @ wide(WEIGHT).T + wide(OFFSET)


TABLE, ADDED = normal(3, 7), normal(3)
EMBEDDED = {"weights": TABLE, "hasBias": True, "bias": ADDED}


def rows(x: np.ndarray) -> np.ndarray:
    return wide(TABLE).T[x.astype(int)] + wide(ADDED)


MATRIX = normal(5, 12)
PRODUCTS = (
    Case("innerProduct", DENSE, [normal(12)], dense, "rank 1"),
    Case("innerProduct", DENSE, [normal(2, 12)], dense, "rank 2"),
    Case("innerProduct", DENSE, [normal(2, 3, 12)], dense, "rank 3"),
    Case("innerProduct", DENSE, [normal(2, 3, 2, 2)], lambda x: dense(x.reshape(2, 12))[:, :, None, None], "rank 4"),
    Case(
        "innerProduct",
        DENSE,
        [normal(2, 3, 3, 2, 2)],
        lambda x: dense(x.reshape(2, 3, 12))[:, :, :, None, None],
        "rank 5",
    ),
    Case(
        "batchedMatmul",
        {"weightMatrixFirstDimension": 12, "weightMatrixSecondDimension": 5, "weights": WEIGHT}
        | {"hasBias": True, "bias": OFFSET},
        [normal(2, 3, 12)],
        dense,
        "one",
    ),
    Case("batchedMatmul", {}, [normal(2, 1, 3, 4), normal(5, 4, 2)], np.matmul, "two"),
    Case(
        "batchedMatmul",
        {"transposeA": True, "transposeB": True},
        [normal(4, 3), normal(2, 4)],
        lambda a, b: a.T @ b.T,
        "transposed",
    ),
    Case("batchedMatmul", {}, [normal(4), normal(4, 3)], lambda a, b: a[None] @ b, "vector first"),
    Case("batchedMatmul", {}, [normal(3, 4), normal(4)], lambda a, b: a @ b[:, None], "vector second"),
    Case(
        "embedding",
        {"inputDim": 7, "outputChannels": 3, **EMBEDDED},
        [whole(7, 4, 1, 1, 1)],
        lambda x: rows(x.reshape(4))[:, :, None, None],
        "rank 4",
    ),
    Case(
        "embeddingND", {"vocabSize": 7, "embeddingSize": 3, **EMBEDDED}, [whole(7, 2, 4, 1)], lambda x: rows(x[..., 0])
    ),
    *(
        Case(
            "dot",
            {"cosineSimilarity": cosine},
            [normal(2, 4, 1, 1), normal(2, 4, 1, 1)],
            lambda a, b, c=cosine: (
                (a * b).sum(1, keepdims=True)
                / (np.linalg.norm(a, axis=1, keepdims=True) * np.linalg.norm(b, axis=1, keepdims=True) if c else 1)
            ),
            str(cosine),
        )
        for cosine in (False, True)
    ),
)

CASES = (*CONVOLUTIONS, *VOLUMES, *POOLS, *NORMALIZATIONS, *PRODUCTS)

"""Calls of MIL's convolutions."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import normal
from tests.cases.case import Case

SPACES = ((9,), (6, 7), (4, 5, 4))
KERNELS = ((3,), (3, 2), (2, 3, 2))


def forward(
    *space: int, kernel: tuple[int, ...], channels: tuple[int, int] = (2, 3), groups: int = 1, **more: object
) -> dict[str, object]:
    """Return the inputs of a `conv` with a bias."""
    taken, given = channels
    weight = normal(given, taken // groups, *kernel, seed=1)
    extra = {} if groups == 1 else {"groups": groups}
    return {"x": normal(2, taken, *space), "weight": weight, "bias": normal(given, seed=2), **extra, **more}


def transposed(
    *space: int, kernel: tuple[int, ...], channels: tuple[int, int] = (2, 3), groups: int = 1, **more: object
) -> dict[str, object]:
    """Return the inputs of a `conv_transpose` with a bias."""
    taken, given = channels
    weight = normal(taken, given // groups, *kernel, seed=1)
    extra = {} if groups == 1 else {"groups": groups}
    return {"x": normal(2, taken, *space), "weight": weight, "bias": normal(given, seed=2), **extra, **more}


def without(inputs: dict[str, object], name: str) -> dict[str, object]:
    """Return the inputs but one."""
    return {key: value for key, value in inputs.items() if key != name}


def product(
    op: str, inputs: dict[str, object], opset: int = 15, note: str = "", raises: type[Exception] | None = None
) -> Case:
    """Return a case of sums of up to 48 products, whose partial sums round one after the other."""
    return Case(op, inputs, ulp_fp32=4, opset=opset, note=note, raises=raises)


INFINITE = np.full((1, 2, 4), np.inf, np.float32)

CASES = (
    *(product("conv", forward(*s, kernel=k), note=f"{len(s)}d") for s, k in zip(SPACES, KERNELS, strict=True)),
    *(
        product("conv", forward(*s, kernel=k, pad_type=name, strides=(2,) * len(s)), opset=16, note=f"{name} {len(s)}d")
        for s, k in zip(SPACES, KERNELS, strict=True)
        for name in ("same", "same_lower")
    ),
    product("conv", without(forward(6, 7, kernel=(3, 3)), "bias"), note="no bias"),
    product("conv", forward(6, 7, kernel=(3, 3), pad_type="same"), note="same"),
    product("conv", forward(6, 7, kernel=(2, 4), pad_type="same"), note="even kernel"),
    product("conv", forward(5, 5, kernel=(1, 1), strides=(3, 3), pad_type="same"), note="stride beyond kernel"),
    product("conv", forward(6, 7, kernel=(3, 3), pad_type="custom", pad=(1, 1, 2, 2)), note="custom even"),
    product(
        "conv", forward(6, 7, kernel=(3, 3), pad_type="custom", pad=(0, 2, 3, 1), strides=(2, 1)), note="custom odd"
    ),
    product("conv", forward(9, kernel=(3,), pad_type="custom", pad=(2, 0), dilations=(2,)), note="causal"),
    product("conv", forward(4, 4, 4, kernel=(2, 2, 2), pad_type="custom", pad=(1, 0, 0, 1, 2, 1)), note="custom 3d"),
    product("conv", forward(6, 7, kernel=(3, 3), pad_type="valid", pad=(1, 1, 1, 1)), note="pad is ignored"),
    product("conv", forward(8, 8, kernel=(3, 3), dilations=(2, 3)), note="dilated"),
    product(
        "conv", forward(8, 8, kernel=(3, 3), dilations=(2, 2), pad_type="same", strides=(2, 2)), note="dilated same"
    ),
    product("conv", forward(6, 6, kernel=(3, 3), channels=(4, 6), groups=2), note="groups"),
    product("conv", forward(6, 6, kernel=(3, 3), channels=(4, 4), groups=4, pad_type="same"), note="depthwise"),
    product("conv", forward(9, kernel=(3,), channels=(4, 8), groups=4), note="depthwise twice"),
    product("conv", forward(6, 7, kernel=(3, 3)), opset=17),
    product("conv", forward(6, 7, kernel=(3, 3)) | {"x": np.zeros((0, 2, 6, 7), np.float32)}, note="no samples"),
    product("conv", forward(4, kernel=(2,)) | {"x": INFINITE}, note="infinite"),
    product("conv", forward(6, 7, kernel=(3, 3), pad_type="full"), raises=ValueError),
    product("conv", forward(6, 7, kernel=(3, 3), strides=(1,)), raises=ValueError),
    product("conv", forward(6, 7, kernel=(3, 3), pad_type="custom", pad=(1, 1)), raises=ValueError),
    product("conv", forward(6, 7, kernel=(3, 3)) | {"x": normal(2, 7)}, raises=ValueError),
    product("conv", forward(6, 7, kernel=(3, 3)) | {"x": normal(2, 3, 6, 7)}, raises=RuntimeError),
    product("conv", forward(2, 2, kernel=(3, 3)), raises=RuntimeError),
    *(
        product("conv_transpose", transposed(*s, kernel=k, strides=(2,) * len(s)), note=f"{len(s)}d")
        for s, k in zip(SPACES, KERNELS, strict=True)
    ),
    product("conv_transpose", without(transposed(4, 5, kernel=(3, 3)), "bias"), note="no bias"),
    product("conv_transpose", transposed(4, 5, kernel=(3, 3), pad_type="same", strides=(2, 2)), note="same"),
    product("conv_transpose", transposed(4, 5, kernel=(4, 4), pad_type="same", strides=(2, 2)), note="same even"),
    product(
        "conv_transpose", transposed(4, kernel=(2,), pad_type="same", strides=(3,)), note="same, kernel below stride"
    ),
    product("conv_transpose", transposed(4, 5, kernel=(3, 3), pad_type="custom", pad=(1, 1, 0, 0)), note="custom even"),
    product("conv_transpose", transposed(5, 5, kernel=(4, 3), pad_type="custom", pad=(0, 3, 2, 0)), note="custom odd"),
    product("conv_transpose", transposed(4, 5, kernel=(3, 3), pad=(1, 1, 1, 1)), note="pad is ignored"),
    product("conv_transpose", transposed(4, 5, kernel=(3, 2), dilations=(2, 3), strides=(1, 2)), note="dilated"),
    product("conv_transpose", transposed(4, 4, kernel=(3, 3), channels=(4, 6), groups=2), note="groups"),
    product(
        "conv_transpose", transposed(4, 4, kernel=(2, 2), channels=(4, 4), groups=4, strides=(2, 2)), note="depthwise"
    ),
    product(
        "conv_transpose",
        transposed(4, 5, kernel=(3, 3), pad_type="same", strides=(2, 2), output_shape=(2, 3, 7, 9)),
        note="output shape, same",
    ),
    product(
        "conv_transpose",
        transposed(4, 5, kernel=(3, 3), strides=(2, 2), output_shape=(2, 3, 10, 12)),
        note="output shape, beyond",
    ),
    product(
        "conv_transpose",
        transposed(4, kernel=(3,), strides=(2,), pad_type="custom", pad=(1, 1), output_shape=(2, 3, 8)),
        note="output shape, custom",
    ),
    product("conv_transpose", transposed(4, 5, kernel=(3, 3)), opset=17),
    product("conv_transpose", transposed(4, 5, kernel=(3, 3), pad_type="none"), raises=ValueError),
    product("conv_transpose", transposed(4, 5, kernel=(3, 3), output_shape=(9, 9)), raises=ValueError),
    product("conv_transpose", transposed(4, 5, kernel=(3, 3)) | {"x": normal(2, 3, 4, 5)}, raises=RuntimeError),
)

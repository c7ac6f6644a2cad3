"""Calls of MIL's pools."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases.arrays import normal
from tests.cases.case import Case

POOLS = ("avg_pool", "l2_pool", "max_pool")


def over(*space: int, kernel: tuple[int, ...], pad_type: str = "valid", **more: object) -> dict[str, object]:
    """Return the inputs of a pool."""
    return {"x": normal(2, 2, *space), "kernel_sizes": kernel, "pad_type": pad_type, **more}


HOLED = normal(1, 1, 4, 4)
HOLED[0, 0, 1, 1] = np.nan
HOLED[0, 0, 3, 3] = np.inf

EXCLUDING: dict[str, Any] = {"exclude_padding_from_average": True}

CASES = (
    *(Case(op, over(9, kernel=(3,)), note="1d") for op in POOLS),
    *(Case(op, over(6, 7, kernel=(3, 2), strides=(2, 1)), note="2d") for op in POOLS),
    *(Case(op, over(4, 5, 4, kernel=(2, 3, 2), strides=(1, 2, 2)), note="3d") for op in POOLS if op != "l2_pool"),
    *(Case(op, over(6, 7, kernel=(6, 7)), note="global") for op in POOLS),
    *(Case(op, over(6, 7, kernel=(3, 3), pad_type="same", strides=(2, 2)), note="same") for op in POOLS),
    *(Case(op, over(6, 7, kernel=(2, 2), pad_type="same"), note="same even") for op in POOLS),
    *(Case(op, over(6, 7, kernel=(2, 2), pad_type="same_lower"), opset=16, note="same lower") for op in POOLS),
    *(Case(op, over(6, 7, kernel=(3, 3), pad_type="custom", pad=(1, 1, 1, 1)), note="custom even") for op in POOLS),
    *(Case(op, over(6, 7, kernel=(3, 3), pad_type="custom", pad=(0, 1, 2, 1)), note="custom odd") for op in POOLS),
    *(Case(op, over(9, kernel=(2,), pad_type="custom", pad=(2, 2)), note="padding beyond half") for op in POOLS),
    *(Case(op, over(6, 7, kernel=(3, 3), strides=(2, 2), ceil_mode=True), note="ceil") for op in POOLS),
    *(
        Case(
            op,
            over(6, 8, kernel=(3, 3), strides=(2, 3), ceil_mode=True, pad_type="custom", pad=(1, 1, 1, 1)),
            note="ceil padded",
        )
        for op in POOLS
    ),
    *(
        Case(
            op, over(5, kernel=(2,), strides=(3,), ceil_mode=True, pad_type="custom", pad=(1, 1)), note="ceil, one less"
        )
        for op in POOLS
    ),
    *(Case(op, {"x": HOLED, "kernel_sizes": (2, 2), "pad_type": "valid"}, note="special") for op in POOLS),
    *(Case(op, over(4, 4, kernel=(2, 2)) | {"x": np.zeros((0, 2, 4, 4), np.float32)}, note="empty") for op in POOLS),
    *(Case(op, over(6, 7, kernel=(3, 3), pad_type="odd"), raises=ValueError) for op in POOLS),
    *(Case(op, over(6, 7, kernel=(3,)), raises=ValueError) for op in POOLS),
    *(Case(op, over(6, kernel=(3,)) | {"x": normal(2, 6)}, raises=ValueError) for op in POOLS),
    *(Case(op, over(6, 7, kernel=(3, 3), pad_type="same", ceil_mode=True), raises=ValueError) for op in POOLS),
    *(Case(op, over(9, kernel=(3,), pad_type="custom", pad=(0, 1), ceil_mode=True), raises=ValueError) for op in POOLS),
    *(Case(op, over(2, 2, kernel=(3, 3)), raises=RuntimeError) for op in POOLS),
    Case("avg_pool", over(6, 7, kernel=(3, 3), pad_type="same", **EXCLUDING), note="same excluding"),
    Case("avg_pool", over(6, 7, kernel=(2, 2), pad_type="same", **EXCLUDING), note="same even excluding"),
    Case("avg_pool", over(6, 7, kernel=(3, 3), pad_type="custom", pad=(0, 1, 2, 1), **EXCLUDING), note="odd excluding"),
    Case("avg_pool", over(6, 7, kernel=(3, 3), strides=(2, 2), ceil_mode=True, **EXCLUDING), note="ceil excluding"),
    Case("avg_pool", over(9, kernel=(2,), pad_type="custom", pad=(1, 1), **EXCLUDING), note="1d excluding"),
    Case("avg_pool", over(6, 7, kernel=(3, 3), **EXCLUDING), note="nothing to exclude"),
    # By MIL's formula a last window may lie beyond an array that is not padded (assumed: it sees padding).
    *(Case(op, over(5, kernel=(1,), strides=(3,), ceil_mode=True), note="ceil, beyond") for op in POOLS),
    Case("max_pool", over(3, kernel=(2,), pad_type="custom", pad=(3, 0)), note="padding alone"),
)

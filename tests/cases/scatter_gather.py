"""Cases of gathers and scatters."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import booleans, f32, i32, integers, normal
from tests.cases.case import Case

BOX = normal(3, 4, 5)
SMALL = f32([[1, 2, 3], [4, 5, 6]])
UPDATES = f32([[5, 6, 7], [8, 9, 10]])
MODES = ("update", "add", "sub", "mul", "div", "max", "min")

GATHERS = (
    Case("gather", {"x": BOX, "indices": i32([2, 0])}),
    Case("gather", {"x": BOX, "indices": i32([[1, -1], [-4, 3]]), "axis": 1}, note="negative"),
    Case("gather", {"x": BOX, "indices": i32(-2), "axis": -1}, note="scalar index"),
    Case("gather", {"x": i32([7, 8, 9]), "indices": i32(1)}, note="to a scalar"),
    Case("gather", {"x": booleans(4), "indices": np.array([3, 0], np.uint8)}),
    Case("gather", {"x": BOX, "indices": i32([]), "axis": 1}, note="empty"),
    Case("gather", {"x": BOX, "indices": i32([3])}, raises=IndexError),
    Case("gather", {"x": BOX, "indices": i32([-4])}, raises=IndexError),
    Case("gather", {"x": BOX, "indices": i32([0]), "axis": 3}, raises=IndexError),
    Case("gather", {"x": BOX, "indices": i32([2, 0]), "axis": 2}, opset=16),
    Case("gather", {"x": BOX, "indices": integers(3, 2, low=0, high=3), "axis": 1, "batch_dims": 1}, opset=16),
    Case("gather", {"x": BOX, "indices": integers(3, 2, 2, low=-5, high=4), "axis": 2, "batch_dims": 1}, opset=16),
    Case("gather", {"x": BOX, "indices": integers(3, 4, low=0, high=4), "axis": -1, "batch_dims": 2}, opset=16),
    Case("gather", {"x": BOX, "indices": i32([[0]]), "axis": 1, "batch_dims": 1}, opset=16, raises=ValueError),
    Case("gather", {"x": BOX, "indices": i32([[0]]), "axis": 0, "batch_dims": 1}, opset=16, raises=ValueError),
    Case("gather", {"x": BOX, "indices": i32([2, -1])}, opset=17, note="negative, not validated"),
    Case("gather", {"x": BOX, "indices": i32([2, 0]), "validate_indices": True}, opset=17),
    Case("gather", {"x": BOX, "indices": i32([2, -1]), "validate_indices": True}, opset=17, raises=IndexError),
    Case("gather_along_axis", {"x": BOX, "indices": integers(3, 2, 5, low=-4, high=3), "axis": 1}),
    Case("gather_along_axis", {"x": BOX, "indices": integers(2, 4, 5, low=0, high=2)}),
    Case("gather_along_axis", {"x": BOX, "indices": integers(3, 4, 5, low=5, high=6), "axis": 2}, raises=IndexError),
    Case("gather_along_axis", {"x": BOX, "indices": i32([[0, 1]]), "axis": 1}, raises=RuntimeError, note="rank"),
    Case("gather_along_axis", {"x": SMALL, "indices": i32([[1, 0, 1]]), "validate_indices": True}, opset=17),
    Case(
        "gather_along_axis",
        {"x": SMALL, "indices": i32([[1, 0, -1]]), "validate_indices": True},
        opset=17,
        raises=IndexError,
    ),
    Case("gather_nd", {"x": BOX, "indices": i32([[0, 1], [2, -1]])}),
    Case("gather_nd", {"x": BOX, "indices": i32([[[0, 1, 4]], [[2, -1, 0]]])}),
    Case("gather_nd", {"x": BOX, "indices": np.zeros((2, 0), np.int32)}, note="no coordinates"),
    Case("gather_nd", {"x": BOX, "indices": i32([[3, 0]])}, raises=IndexError),
    Case("gather_nd", {"x": BOX, "indices": i32([[0, 0, 0, 0]])}, raises=ValueError),
    Case("gather_nd", {"x": BOX, "indices": i32([[1], [0], [3]]), "batch_dims": 1}, opset=16),
    Case("gather_nd", {"x": BOX, "indices": integers(3, 4, 2, 1, low=-5, high=4), "batch_dims": 2}, opset=16),
    Case("gather_nd", {"x": BOX, "indices": i32([[1], [0]]), "batch_dims": 1}, opset=16, raises=ValueError),
    Case("gather_nd", {"x": BOX, "indices": i32([[1], [0], [3]]), "batch_dims": 1, "validate_indices": True}, opset=17),
    Case("gather_nd", {"x": BOX, "indices": i32([[1, -1]]), "validate_indices": True}, opset=17, raises=IndexError),
)

SCATTERS = (
    Case("scatter", {"data": SMALL, "indices": i32([1, 0]), "updates": UPDATES}),
    Case(
        "scatter",
        {"data": BOX, "indices": i32([-1, 1, -1]), "updates": normal(3, 3, 5, seed=1), "axis": 1},
        note="twice",
    ),
    *(
        Case(
            "scatter",
            {
                "data": SMALL,
                "indices": i32([1, 0, 1]),
                "updates": f32([[5, -2, 8], [0.5, -4, 3]]),
                "axis": -1,
                "mode": mode,
            },
            ulp_fp32=3,
        )
        for mode in MODES
        if mode not in ("mul", "div")
    ),
    *(
        Case("scatter", {"data": SMALL, "indices": i32([1, 0]), "updates": UPDATES, "mode": mode})
        for mode in ("mul", "div")
    ),
    *(
        Case(
            "scatter", {"data": integers(3, 2), "indices": i32([2, 0]), "updates": i32([[3, -2], [4, 5]]), "mode": mode}
        )
        for mode in MODES
    ),
    Case("scatter", {"data": f32([1, 2]), "indices": i32([0]), "updates": f32([np.nan]), "mode": "max"}, note="NaN"),
    Case("scatter", {"data": SMALL, "indices": i32([]), "updates": np.zeros((0, 3), np.float32)}, note="nothing"),
    Case("scatter", {"data": SMALL, "indices": i32([2, 0]), "updates": UPDATES}, raises=IndexError),
    Case("scatter", {"data": SMALL, "indices": i32([1, 0]), "updates": UPDATES, "mode": "mean"}, raises=ValueError),
    Case("scatter", {"data": SMALL, "indices": i32([1]), "updates": UPDATES}, raises=ValueError),
    Case("scatter", {"data": SMALL, "indices": i32([1, 0]), "updates": UPDATES, "validate_indices": True}, opset=17),
    Case(
        "scatter",
        {"data": SMALL, "indices": i32([10, 0]), "updates": UPDATES, "validate_indices": False},
        opset=17,
        note="dropped",
    ),
    Case(
        "scatter",
        {"data": SMALL, "indices": i32([-1, 0]), "updates": UPDATES, "mode": "update", "validate_indices": False},
        opset=17,
        note="dropped",
    ),
    Case(
        "scatter",
        {"data": SMALL, "indices": i32([-1, 0]), "updates": UPDATES, "validate_indices": True},
        opset=17,
        raises=IndexError,
    ),
    Case("scatter_along_axis", {"data": SMALL, "indices": i32([[1, 0, -1], [0, 1, 0]]), "updates": UPDATES}),
    *(
        Case(
            "scatter_along_axis",
            {
                "data": SMALL,
                "indices": i32([[2, 0], [1, 2]]),
                "updates": UPDATES[:, :2].copy(),
                "axis": 1,
                "mode": mode,
            },
        )
        for mode in MODES
    ),
    Case(
        "scatter_along_axis",
        {"data": SMALL, "indices": i32([[1, 0, 2]]), "updates": UPDATES[:1].copy()},
        raises=IndexError,
    ),
    Case("scatter_along_axis", {"data": SMALL, "indices": i32([[1, 0, 0]]), "updates": UPDATES}, raises=ValueError),
    Case(
        "scatter_along_axis",
        {"data": SMALL, "indices": i32([[1, 0, 0]]), "updates": UPDATES[:1].copy(), "validate_indices": True},
        opset=17,
    ),
    Case(
        "scatter_along_axis",
        {
            "data": SMALL,
            "indices": i32([[9, 0], [-1, 1]]),
            "updates": UPDATES[:, :2].copy(),
            "axis": -1,
            "validate_indices": False,
        },
        opset=17,
        note="dropped",
    ),
    Case(
        "scatter_along_axis",
        {"data": SMALL, "indices": i32([[1, 10, 0]]), "updates": UPDATES[:1].copy(), "validate_indices": True},
        opset=17,
        raises=IndexError,
    ),
    Case("scatter_nd", {"data": SMALL, "indices": i32([[1, 0], [0, -1]]), "updates": f32([5, 10])}),
    Case(
        "scatter_nd",
        {"data": BOX, "indices": i32([[[1], [0]], [[1], [2]]]), "updates": normal(2, 2, 4, 5, seed=1)},
        note="slices, twice",
    ),
    *(
        Case("scatter_nd", {"data": SMALL, "indices": i32([[1, 0], [0, 2]]), "updates": f32([5, 10]), "mode": mode})
        for mode in MODES
    ),
    Case(
        "scatter_nd",
        {"data": SMALL, "indices": i32([[0, 0], [0, 0], [0, 0]]), "updates": f32([5, 10, 7]), "mode": "update"},
        note="the last stays",
    ),
    Case("scatter_nd", {"data": SMALL, "indices": i32([[2, 0]]), "updates": f32([5])}, raises=IndexError),
    Case("scatter_nd", {"data": SMALL, "indices": i32([[1, 0]]), "updates": f32([5, 6])}, raises=ValueError),
    Case(
        "scatter_nd",
        {"data": SMALL, "indices": i32([[1, 0], [0, 2]]), "updates": f32([5, 10]), "validate_indices": True},
        opset=17,
    ),
    Case(
        "scatter_nd",
        {
            "data": SMALL,
            "indices": i32([[1, 3], [-1, 0], [0, 2]]),
            "updates": f32([5, 7, 10]),
            "validate_indices": False,
        },
        opset=17,
        note="dropped",
    ),
    Case(
        "scatter_nd",
        {"data": SMALL, "indices": i32([[1, 3], [0, 2]]), "updates": f32([5, 10]), "validate_indices": True},
        opset=17,
        raises=IndexError,
    ),
)

CASES = GATHERS + SCATTERS

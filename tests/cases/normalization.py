"""Calls of MIL's normalizations."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import f32, normal, uniform
from tests.cases.case import Case

SPACES = ((5,), (3, 4), (2, 3, 2))
STATISTICS = {"mean": normal(3, seed=1), "variance": uniform(3, low=0.1, high=4, seed=2)}
AFFINE = {"gamma": normal(3, seed=3), "beta": normal(3, seed=4)}
FAR = f32([[1000.0, 1000.5, 999.5, 1001.0]])
FLAT = np.full((2, 4), 3.0, np.float32)
# The mean and the variance round on the way; the error is counted in units of x and its mean, both scaled.
BOUND = 4


def gains(*shape: int) -> dict[str, object]:
    """Return gamma and beta of this shape."""
    return {"gamma": normal(*shape, seed=3), "beta": normal(*shape, seed=4)}


CASES = (
    *(Case("batch_norm", {"x": normal(2, 3, *s), **STATISTICS, **AFFINE}, note=f"{len(s)}d") for s in SPACES),
    Case("batch_norm", {"x": normal(2, 3, 4), **STATISTICS}, note="not affine"),
    Case("batch_norm", {"x": normal(2, 3, 4), **STATISTICS, "gamma": AFFINE["gamma"]}, note="gamma alone"),
    Case("batch_norm", {"x": normal(2, 3, 4), **STATISTICS, "beta": AFFINE["beta"]}, note="beta alone"),
    Case("batch_norm", {"x": normal(2, 3, 4), **STATISTICS, **AFFINE, "epsilon": 0.5}, note="epsilon"),
    Case("batch_norm", {"x": normal(2, 3, 4), "mean": f32(0, 0, 0), "variance": f32(0, 0, 0)}, note="no variance"),
    Case("batch_norm", {"x": normal(2, 3, 4, scale=1e-3) + f32(9), **STATISTICS, **AFFINE}, note="far from zero"),
    Case("batch_norm", {"x": normal(0, 3, 4), **STATISTICS, **AFFINE}, note="empty"),
    Case("batch_norm", {"x": normal(2, 3, 4), **STATISTICS, **AFFINE}, opset=17),
    Case("batch_norm", {"x": normal(2, 4, 4), **STATISTICS}, raises=RuntimeError),
    *(Case("instance_norm", {"x": normal(2, 3, *s), **AFFINE}, BOUND, note=f"{len(s)}d") for s in SPACES),
    Case("instance_norm", {"x": normal(2, 3, 4)}, BOUND, note="not affine"),
    Case("instance_norm", {"x": normal(2, 3, 4), **AFFINE, "epsilon": 0.5}, BOUND, note="epsilon"),
    Case("instance_norm", {"x": normal(2, 3, 1), **AFFINE}, BOUND, note="one element"),
    Case("instance_norm", {"x": normal(2, 3, 4), **AFFINE}, BOUND, opset=17),
    Case("instance_norm", {"x": normal(2, 3, 4), "gamma": normal(2)}, raises=RuntimeError),
    *(Case("l2_norm", {"x": normal(*s)}, note=f"rank {len(s)}") for s in ((2, 3, 4), (2, 3, 4, 2), (2, 1, 2, 2, 3))),
    Case("l2_norm", {"x": normal(2, 2, 3, 2), "epsilon": 2.0}, note="epsilon"),
    Case("l2_norm", {"x": np.zeros((1, 2, 2), np.float32)}, note="zeros"),
    Case("l2_norm", {"x": np.zeros((0, 2, 2, 2), np.float32)}, note="empty"),
    Case("l2_norm", {"x": normal(2, 3, 4)}, opset=17),
    Case("l2_norm", {"x": normal(3, 4)}, raises=ValueError),
    Case("layer_norm", {"x": normal(2, 3, 4)}, BOUND, note="all axes"),
    Case("layer_norm", {"x": normal(2, 3, 4), "axes": (-1,), **gains(4)}, BOUND, note="last axis"),
    Case("layer_norm", {"x": normal(2, 3, 4), "axes": (1, 2), **gains(3, 4)}, BOUND, note="last two"),
    Case("layer_norm", {"x": normal(2, 3, 4), "axes": (2, 1), **gains(3, 4)}, BOUND, note="in another order"),
    Case("layer_norm", {"x": normal(2, 3, 4), "axes": (0,), **gains(2)}, BOUND, note="axis 0"),
    Case("layer_norm", {"x": normal(2, 3, 4, 2), "axes": (1,), **gains(3)}, BOUND, note="channels"),
    Case("layer_norm", {"x": normal(2, 3, 4), "axes": (-3, -1), "gamma": normal(2, 4)}, BOUND, note="gamma alone"),
    Case("layer_norm", {"x": normal(2, 3, 4), "axes": (1,), "beta": normal(3)}, BOUND, note="beta alone"),
    Case("layer_norm", {"x": normal(2, 3, 4), "axes": (-1,), "epsilon": 0.5}, BOUND, note="epsilon"),
    Case("layer_norm", {"x": normal(3, 4), "axes": (0,), "epsilon": 0.5}, BOUND, note="axis 0, epsilon"),
    Case("layer_norm", {"x": FLAT, "axes": (-1,)}, BOUND, note="no variance"),
    Case("layer_norm", {"x": FAR, "axes": (-1,)}, BOUND, note="far from zero"),
    Case("layer_norm", {"x": normal(0, 3), "axes": (-1,)}, BOUND, note="empty"),
    Case("layer_norm", {"x": normal(3, 768), "axes": (-1,), **gains(768)}, BOUND, note="long"),
    Case("layer_norm", {"x": normal(2, 3, 4), "axes": (-1,), **gains(4)}, BOUND, opset=17),
    Case("layer_norm", {"x": normal(2, 3, 4), "axes": (-1,), **gains(3)}, raises=RuntimeError),
    Case("layer_norm", {"x": normal(2, 3, 4), "axes": (3,)}, raises=ValueError),
    *(Case("local_response_norm", {"x": normal(2, 5, *s), "size": 3}, 4, note=f"{len(s)}d") for s in SPACES[:2]),
    *(Case("local_response_norm", {"x": normal(1, 6, 3), "size": n}, 4, note=f"size {n}") for n in (1, 2, 4, 9)),
    Case("local_response_norm", {"x": normal(1, 4, 3), "size": 3, "alpha": 2.0, "beta": 0.5, "k": 0.25}, 4, note="all"),
    Case("local_response_norm", {"x": np.zeros((0, 4, 3), np.float32), "size": 3}, note="empty"),
    Case("local_response_norm", {"x": normal(1, 4, 3), "size": 3}, 4, opset=17),
    Case("local_response_norm", {"x": normal(4, 3), "size": 3}, raises=ValueError),
)

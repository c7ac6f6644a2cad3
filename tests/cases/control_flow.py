"""Cases of `select`."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import SPECIAL, booleans, integers, normal
from tests.cases.case import Case

CASES = (
    Case("select", {"cond": booleans(2, 3), "a": normal(2, 3), "b": normal(2, 3, seed=1)}),
    Case("select", {"cond": booleans(3, 1), "a": normal(2, 1, 4), "b": normal(4, seed=1)}, note="broadcast"),
    Case("select", {"cond": booleans(16), "a": SPECIAL, "b": SPECIAL[::-1].copy()}, note="no NaN leaks"),
    Case("select", {"cond": np.array(True), "a": integers(2), "b": integers(2, seed=1)}, note="scalar condition"),
    Case("select", {"cond": booleans(3), "a": booleans(3, seed=1), "b": booleans(3, seed=2)}),
    Case("select", {"cond": booleans(3), "a": normal(2), "b": normal(3)}, raises=RuntimeError),
)

"""What optimised steps may make of a package beside plain ones, as data: the tolerances and why they are so large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far numbers may lie apart, as a part of the largest finite one of a result, and the reason."""

    part: float
    reason: str


SUMS = Tolerance(
    2.0**-8,
    "sums in another order are rounded to fp16 differently now and then, by 2^-11; behind them come up to a dozen "
    "steps, and mutated scales and offsets can leave small differences of large numbers",
)


def agree(plain: Mapping[str, object], fast: Mapping[str, object]) -> bool:
    """Return whether all results are the same bits.

    Raises:
        AssertionError: names, types, shapes, NaN or infinities differ, or numbers by more than the tolerance.
    """
    assert plain.keys() == fast.keys()
    return all(_agree(name, np.asarray(each), np.asarray(fast[name])) for name, each in plain.items())


def _agree(name: str, plain: np.ndarray, fast: np.ndarray) -> bool:
    assert (plain.dtype, plain.shape) == (fast.dtype, fast.shape), f"{name}: {plain.dtype}{plain.shape}"
    if plain.dtype.kind != "f":
        assert np.array_equal(plain, fast), f"{name}: {plain} is {fast}"
        return True
    wide, found = plain.astype(np.float64), fast.astype(np.float64)
    finite = np.isfinite(wide) & np.isfinite(found)
    assert np.array_equal(wide[~finite], found[~finite], equal_nan=True), f"{name}: {plain} is {fast}"
    largest = np.abs(wide[finite]).max(initial=0)
    apart = np.abs(wide[finite] - found[finite]).max(initial=0)
    assert apart <= SUMS.part * largest, f"{name}: {apart / largest:.2g} apart: {plain} is {fast}"
    return bool(apart == 0)

"""Counts of absolute differences by decade."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlparity.record.figures import Histogram

LOWEST, HIGHEST = -12, 6
"""The decades that are told apart, as powers of ten."""

_EDGES = np.array([float(f"1e{power}") for power in range(LOWEST, HIGHEST + 1)])


class DecadeCounter:
    """Counts differences by decade, in constant memory."""

    def __init__(self) -> None:
        """Start with empty decades."""
        self._counts: NDArray[np.int64] = np.zeros(HIGHEST - LOWEST, dtype=np.int64)
        self._zeros = 0
        self._not_finite = 0

    def add(self, difference: NDArray[np.float64], not_finite: int) -> None:
        """Count finite differences, and `not_finite` positions that have none."""
        bins = np.searchsorted(_EDGES, difference[difference > 0], side="right") - 1
        self._counts += np.bincount(np.clip(bins, 0, len(self._counts) - 1), minlength=len(self._counts))
        self._zeros += int((difference == 0).sum())
        self._not_finite += not_finite

    def count(self, counted: Histogram) -> None:
        """Add the counts of another counter."""
        self._counts += np.array(counted.counts, dtype=np.int64)
        self._zeros += counted.zeros
        self._not_finite += counted.not_finite

    def restore(self, counted: Histogram) -> None:
        """Take up where a counter with this result stopped."""
        self._counts = np.array(counted.counts, dtype=np.int64)
        self._zeros, self._not_finite = counted.zeros, counted.not_finite

    def result(self) -> Histogram:
        """Return the counts so far."""
        edges = tuple(float(power) for power in range(LOWEST, HIGHEST + 1))
        return Histogram(edges, tuple(int(count) for count in self._counts), self._zeros, self._not_finite)

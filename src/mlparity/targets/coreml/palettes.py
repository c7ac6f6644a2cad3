"""The entries of a palette: k-means of the weights on a line, which needs no other package and no random start."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

_ROUNDS = 100
"""How often the entries are moved at most; they settle after some dozens (assumed)."""
_BINS = 1024


def palette(weight: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a table of `2 ** bits` entries, and for each weight the index of the nearest.

    The entries begin where many levels place them best, at equal parts of the cube root of the density, and each then
    moves to the mean of the weights nearest to it until none moves. Source: Panter and Dite, "Quantization Distortion
    in Pulse-Count Modulation", 1951, and Lloyd, "Least Squares Quantization in PCM", 1982.
    """
    values, inverse, counts = np.unique(weight.ravel().astype(np.float64), return_inverse=True, return_counts=True)
    many = 2**bits
    entries = values if len(values) <= many else _settled(values, counts.astype(np.float64), many)
    table = np.zeros(many, weight.dtype)
    table[: len(entries)] = entries
    return table, _nearest(values, entries)[inverse].astype(np.uint8)


def _settled(values: Doubles, counts: Doubles, many: int) -> Doubles:
    entries = _first(values, counts, many)
    mass, moment = (np.concatenate([[0.0], np.cumsum(part)]) for part in (counts, counts * values))
    for _ in range(_ROUNDS):
        bounds = np.searchsorted(values, (entries[:-1] + entries[1:]) / 2, side="right")
        ends = np.concatenate([[0], bounds, [len(values)]])
        held, sums = np.diff(mass[ends]), np.diff(moment[ends])
        moved = np.where(held > 0, sums / np.maximum(held, 1.0), entries)
        if np.array_equal(moved, entries):
            break
        entries = np.sort(moved)
    return entries


def _first(values: Doubles, counts: Doubles, many: int) -> Doubles:
    heights, edges = np.histogram(values, bins=_BINS, weights=counts)
    parts = np.concatenate([[0.0], np.cumsum(np.cbrt(heights))])
    return np.asarray(np.interp((np.arange(many) + 0.5) / many * parts[-1], parts, edges))


def _nearest(values: Doubles, entries: Doubles) -> NDArray[np.int64]:
    return np.searchsorted((entries[:-1] + entries[1:]) / 2, values, side="left").astype(np.int64)

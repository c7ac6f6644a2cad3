"""Class scores: whether the top class changes, and which classes stay among the best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mlparity.compare.decisions import DecisionTally, Doubles, tally_decisions


def looks_like_classes(output: np.ndarray) -> bool:
    """Return whether an output reads as class scores: floating, (classes,) or (N, classes), two or more classes."""
    return output.dtype.kind == "f" and output.ndim in (1, 2) and output.shape[-1] >= 2


def tally_classes(source: np.ndarray, artifact: np.ndarray, sample: str, axis: int = -1, k: int = 5) -> DecisionTally:
    """Compare the rows along `axis`; of equal scores the first is the top class.

    The difference of any two scores of a row changes by at most the spread of the row's changes, largest less
    smallest; what all of them share decides nothing. A row is certified when its spread is less than its margin.

    Shape: both alike, with at least two classes along `axis`.
    """
    source, artifact = _rows(source, axis), _rows(artifact, axis)
    readable = ~(np.isnan(source).any(axis=1) | np.isnan(artifact).any(axis=1))
    source, artifact = source[readable], artifact[readable]
    if not len(source):
        return DecisionTally()
    second, first = np.partition(source, -2, axis=1)[:, -2:].T
    # Two infinite scores are a tie, not a NaN.
    margin = _gap(first, second)
    moved = _gap(artifact, source)
    flipped = source.argmax(axis=1) != artifact.argmax(axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        change = moved.max(axis=1) - moved.min(axis=1)
    change[np.isinf(moved).any(axis=1)] = np.inf
    tally = tally_decisions(margin, change, np.abs(moved).max(axis=1), flipped, sample)
    kept, of = _kept(source, artifact, k)
    kept5, of5 = _kept(source, artifact, 5)
    return replace(
        tally,
        topk_flipped=int((kept < k).sum()) if of else 0,
        topk_of=len(source) if of else 0,
        top5_kept=int(kept5.sum()),
        top5_of=of5,
    )


def _rows(array: np.ndarray, axis: int) -> Doubles:
    moved = np.moveaxis(array, axis, -1)
    return moved.reshape(-1, moved.shape[-1]).astype(np.float64)


def _gap(first: Doubles, second: Doubles) -> Doubles:
    """Return first - second, with 0 for equal infinities."""
    same = first == second
    with np.errstate(over="ignore"):
        return np.where(same, 0.0, first - np.where(same, 0.0, second))


def _kept(source: Doubles, artifact: Doubles, k: int) -> tuple[Doubles, int]:
    """Return how many of each row's k best classes stay among the k best, and of how many; 0 with at most k classes."""
    if source.shape[1] <= k:
        return np.zeros(0), 0
    best = np.argpartition(source, -k, axis=1)[:, -k:]
    last = np.partition(artifact, -k, axis=1)[:, -k]
    kept = np.take_along_axis(artifact, best, axis=1) >= last[:, None]
    return kept.sum(axis=1).astype(np.float64), k * len(source)

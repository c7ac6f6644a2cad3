"""Embeddings: whether the artifact ranks the nearest neighbours as the source does, in constant memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlparity.compare.decisions import Doubles

Pair = tuple[Doubles, Doubles]
"""The embedding of the source and that of the artifact."""

GALLERY = 256
"""How many embeddings are kept to be searched (assumed: enough for ten neighbours to mean something)."""

_GALLERY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RetrievalTally:
    """The sums over queries: same nearest neighbour, share of the k nearest that stay, and rank correlation.

    A rank correlation is that of Spearman, over the whole gallery; a query to which all are equally near on both sides
    has none, and on one side alone 0.
    """

    queries: int = 0
    same_nearest: int = 0
    kept: float = 0.0
    ranked: int = 0
    correlation: float = 0.0
    correlation_worst: float = math.inf


class Retrieval:
    """Searches with each embedding among the first ones, in the source's space and in the artifact's.

    The first 256 readable embeddings are the gallery; each later one is a query against it, and at the end the
    gallery's own are queries against the others. Nearness is the cosine. Embeddings without a direction (zeros, NaN,
    infinity) are left out where both sides have none; where one side has none, nothing of it agrees.
    """

    def __init__(self, k: int) -> None:
        """Start with an empty gallery; `k` neighbours are compared, or all where there are fewer."""
        self._k = k
        self.gallery: list[Pair] = []
        self.tally = RetrievalTally()

    def add(self, source: np.ndarray, artifact: np.ndarray) -> None:
        """Take the embeddings along the last axis of both.

        Shape: (..., dimensions), both alike.
        """
        self.take(embeddings_of(source, artifact))

    def take(self, embeddings: Sequence[Pair]) -> None:
        """Take embeddings of length one, source and artifact of each."""
        for first, second in embeddings:
            has_direction = [bool(np.isfinite(vector).all()) for vector in (first, second)]
            if not all(has_direction):
                self.tally = _merge(self.tally, _LOST) if any(has_direction) else self.tally
            elif len(self.gallery) < max(3, min(GALLERY, _GALLERY_BYTES // (16 * first.size))):
                self.gallery.append((first, second))
            else:
                self.tally = _merge(self.tally, _query(first, second, self.gallery, self._k))

    def result(self) -> RetrievalTally:
        """Return the tally of all queries so far; a gallery below three embeddings has none."""
        total = self.tally
        if len(self.gallery) < 3:
            return total
        for index, (first, second) in enumerate(self.gallery):
            others = self.gallery[:index] + self.gallery[index + 1 :]
            total = _merge(total, _query(first, second, others, self._k))
        return total


def embeddings_of(source: np.ndarray, artifact: np.ndarray) -> tuple[Pair, ...]:
    """Return the embeddings along the last axis of both, each of length one, and NaN where it has no direction.

    Shape: (..., dimensions), both alike.
    """
    return tuple(zip(_units(source), _units(artifact), strict=True)) if source.size else ()


_LOST = RetrievalTally(1, 0, 0.0, 1, 0.0, 0.0)
"""A query without a direction on one side."""


def _units(array: np.ndarray) -> Doubles:
    rows = array.reshape(-1, array.shape[-1]).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # Scaled by the largest value first: squares of large numbers leave float64's range.
        rows = rows / np.abs(rows).max(axis=1, keepdims=True)
        units: Doubles = rows / np.sqrt((rows * rows).sum(axis=1, keepdims=True))
    return units


def _query(first: Doubles, second: Doubles, gallery: list[tuple[Doubles, Doubles]], k: int) -> RetrievalTally:
    source = np.array([other @ first for other, _ in gallery])
    artifact = np.array([other @ second for _, other in gallery])
    k = min(k, len(gallery))
    best = np.argpartition(source, -k)[-k:]
    kept = float((artifact[best] >= np.partition(artifact, -k)[-k]).mean())
    # A tie for the nearest is no change.
    same = bool(artifact[source.argmax()] == artifact.max())
    correlation = _correlation(_ranks(source), _ranks(artifact))
    if correlation is None:
        return RetrievalTally(1, same, kept)
    return RetrievalTally(1, same, kept, 1, correlation, correlation)


def _ranks(values: Doubles) -> Doubles:
    """Return the ranks, doubled and moved, which no correlation sees; equal values share the mean of theirs."""
    ordered = np.sort(values)
    below, upto = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return (below + upto).astype(np.float64)


def _correlation(first: Doubles, second: Doubles) -> float | None:
    first, second = first - first.mean(), second - second.mean()
    energies = float(first @ first), float(second @ second)
    if not all(energies):
        return 0.0 if any(energies) else None
    return max(-1.0, min(1.0, float(first @ second) / math.sqrt(energies[0] * energies[1])))


def _merge(first: RetrievalTally, second: RetrievalTally) -> RetrievalTally:
    return RetrievalTally(
        queries=first.queries + second.queries,
        same_nearest=first.same_nearest + second.same_nearest,
        kept=first.kept + second.kept,
        ranked=first.ranked + second.ranked,
        correlation=first.correlation + second.correlation,
        correlation_worst=min(first.correlation_worst, second.correlation_worst),
    )

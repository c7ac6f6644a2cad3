"""Values of source and artifact to draw: an even draw from all positions, and those that lie furthest apart.

What is kept of two parts together is what one pass over both keeps, in any grouping: each position has a lot, which
follows from the sample's name, and the lowest lots win.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlparity.record.plots import ValuePairs

DRAWN, APART = 96, 32
"""How many pairs are kept of each kind (assumed: a drawing shows the shape of a relation by a hundred points)."""

Ranked = tuple[tuple[float, float, float], ...]
"""Pairs as (rank, source, artifact), the lowest rank first."""


@dataclass(frozen=True, slots=True)
class PairTally:
    """The pairs kept so far of `finite` positions, and the number of positions that cannot be drawn."""

    drawn: Ranked = ()
    apart: Ranked = ()
    finite: int = 0
    undrawn: int = 0

    @property
    def edge(self) -> float:
        """What a difference must reach to be kept among those furthest apart."""
        return -self.apart[-1][0] if len(self.apart) == APART else 0.0

    def result(self) -> ValuePairs:
        """Return the pairs as a record keeps them."""
        return ValuePairs(_rounded(self.drawn), _rounded(self.apart), self.finite, self.undrawn)


def merge_pairs(first: PairTally, second: PairTally) -> PairTally:
    """Return the tally of both."""
    return PairTally(
        _lowest((*first.drawn, *second.drawn), DRAWN),
        _lowest((*first.apart, *second.apart), APART),
        first.finite + second.finite,
        first.undrawn + second.undrawn,
    )


def pairs_of(
    sample: str, source: np.ndarray, artifact: np.ndarray, difference: NDArray[np.float64], below: float = 0.0
) -> PairTally:
    """Return the pairs of one sample, whose differences at finite positions are `difference`.

    A difference smaller than `below` need not be kept among those furthest apart.
    """
    source, artifact = source.reshape(-1), artifact.reshape(-1)
    undrawn = source.size - difference.size
    if not difference.size:
        return PairTally(undrawn=undrawn)
    places = None if not undrawn else np.flatnonzero(_finite(source) & _finite(artifact))
    chosen, lots = _drawn(sample, difference.size)
    far = _furthest(difference, below)

    def ranked(at: NDArray[np.intp], ranks: NDArray[np.float64], count: int) -> Ranked:
        where = at if places is None else places[at]
        values = source[where].astype(np.float64), artifact[where].astype(np.float64)
        return _lowest(zip(ranks.tolist(), *(side.tolist() for side in values), strict=True), count)

    return PairTally(
        ranked(chosen, lots, DRAWN), ranked(far, -difference[far], APART), int(difference.size), int(undrawn)
    )


def _drawn(sample: str, size: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return positions and their lots: of many positions those that would have the lowest lots, spread evenly."""
    seed = int.from_bytes(hashlib.blake2b(sample.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
    generator = np.random.default_rng(seed)
    if size <= DRAWN:
        return np.arange(size), generator.random(size)
    starts = np.arange(DRAWN) + generator.random(DRAWN)
    return (starts * size / DRAWN).astype(np.intp), generator.random(DRAWN) * DRAWN / size


def _furthest(difference: NDArray[np.float64], below: float) -> NDArray[np.intp]:
    """Return the positions of the largest differences; of equal ones at the edge the first."""
    large = np.flatnonzero((difference >= below) & (difference > 0))
    if large.size <= APART:
        return large
    sizes = difference[large]
    edge = np.partition(sizes, -APART)[-APART]
    above = large[sizes > edge]
    return np.concatenate([above, large[sizes == edge][: APART - above.size]])


def _finite(values: np.ndarray) -> NDArray[np.bool_]:
    finite: NDArray[np.bool_] = np.isfinite(values.astype(np.float64))
    return finite


def _lowest(ranked: Iterable[tuple[float, float, float]], count: int) -> Ranked:
    return tuple(sorted(ranked)[:count])


def _rounded(ranked: Ranked) -> tuple[tuple[float, float], ...]:
    return tuple((float(f"{source:.7g}"), float(f"{artifact:.7g}")) for _, source, artifact in ranked)

"""Outputs that look like class scores: how often the top class changes, and by how little it leads."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlparity.core.record import Flips

_NAMES_KEPT = 20
# The normal quantile of a two-sided 95% interval.
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class ClassTally:
    """What the rows of class scores showed; rows that hold a NaN on either side are not counted.

    `top5_kept` counts the source's five best classes that are among the artifact's five best (ties count as
    among them); `top5_of` is five times the number of rows, or 0 where there are at most five classes.
    """

    rows: int = 0
    flipped: int = 0
    smallest_margin: float = math.inf
    flipped_margin: float = -math.inf
    top5_kept: int = 0
    top5_of: int = 0
    names: tuple[str, ...] = ()


def looks_like_classes(output: np.ndarray) -> bool:
    """Return whether an output reads as class scores: floating, (classes,) or (N, classes), two or more classes."""
    return output.dtype.kind == "f" and output.ndim in (1, 2) and output.shape[-1] >= 2


def tally_classes(source: np.ndarray, artifact: np.ndarray, sample: str) -> ClassTally:
    """Compare the rows along the last axis; of equal scores the first is the top class.

    Shape: both (..., classes) with at least two classes.
    """
    source = source.reshape(-1, source.shape[-1]).astype(np.float64)
    artifact = artifact.reshape(source.shape).astype(np.float64)
    readable = ~(np.isnan(source).any(axis=1) | np.isnan(artifact).any(axis=1))
    source, artifact = source[readable], artifact[readable]
    if not len(source):
        return ClassTally()
    second, first = np.partition(source, -2, axis=1)[:, -2:].T
    # Two infinite scores are a tie, not a NaN.
    margin = np.where(first == second, 0.0, first - np.where(first == second, 0.0, second))
    flipped = source.argmax(axis=1) != artifact.argmax(axis=1)
    kept, of = _top5(source, artifact)
    return ClassTally(
        rows=len(source),
        flipped=int(flipped.sum()),
        smallest_margin=float(margin.min()),
        flipped_margin=float(margin[flipped].max()) if flipped.any() else -math.inf,
        top5_kept=kept,
        top5_of=of,
        names=(sample,) if flipped.any() else (),
    )


def merge_classes(first: ClassTally | None, second: ClassTally | None) -> ClassTally | None:
    """Return the tally of both, where `None` is an output that is no class score."""
    if first is None or second is None:
        return second if first is None else first
    return ClassTally(
        rows=first.rows + second.rows,
        flipped=first.flipped + second.flipped,
        smallest_margin=min(first.smallest_margin, second.smallest_margin),
        flipped_margin=max(first.flipped_margin, second.flipped_margin),
        top5_kept=first.top5_kept + second.top5_kept,
        top5_of=first.top5_of + second.top5_of,
        names=(first.names + second.names)[:_NAMES_KEPT],
    )


def flips_of(classes: ClassTally | None) -> Flips | None:
    """Return the record's form, or None where no row was counted."""
    if classes is None or classes.rows == 0:
        return None
    low, high = wilson_interval(classes.flipped, classes.rows)
    flipped_margin = classes.flipped_margin if classes.flipped else None
    return Flips(classes.flipped, classes.rows, low, high, classes.smallest_margin, flipped_margin, classes.names)


def wilson_interval(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95% interval of a rate of `hits` in `trials`, which must not be 0.

    Source: Wilson's score interval, https://doi.org/10.1080/01621459.1927.10502953.
    """
    rate, square = hits / trials, _Z * _Z
    middle = (rate + square / (2 * trials)) / (1 + square / trials)
    half = _Z / (1 + square / trials) * math.sqrt(rate * (1 - rate) / trials + square / (4 * trials * trials))
    low = 0.0 if hits == 0 else middle - half
    high = 1.0 if hits == trials else middle + half
    return low, high


def _top5(source: np.ndarray, artifact: np.ndarray) -> tuple[int, int]:
    if source.shape[1] <= 5:
        return 0, 0
    best = np.argpartition(source, -5, axis=1)[:, -5:]
    fifth = np.partition(artifact, -5, axis=1)[:, -5]
    kept = np.take_along_axis(artifact, best, axis=1) >= fifth[:, None]
    return int(kept.sum()), 5 * len(source)

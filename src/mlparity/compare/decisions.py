"""Decisions that follow from scores: how often they change, by how little they stood, and which could not change."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlparity.record.figures import Flips

_NAMES_KEPT = 20
# The normal quantile of a two-sided 95% interval.
_Z = 1.959963984540054
# Roundings of float64 that a margin and a change of scores may carry, as a share of the largest change.
_SLACK = 4 * float(np.finfo(np.float64).eps)

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DecisionTally:
    """What decisions showed; one whose scores hold a NaN on either side is not counted.

    `consumed` is the largest share of its margin that a decision lost, infinite where the margin is zero and the
    scores moved. `topk_flipped` counts the rows of scores whose k best classes are not the same; `top5_kept` the
    source's five best classes that are among the artifact's five best, of `top5_of`. Ties count as kept.
    """

    decisions: int = 0
    flipped: int = 0
    smallest_margin: float = math.inf
    flipped_margin: float = -math.inf
    consumed: float = 0.0
    certified: int = 0
    topk_flipped: int = 0
    topk_of: int = 0
    top5_kept: int = 0
    top5_of: int = 0
    names: tuple[str, ...] = ()


def tally_decisions(margin: Doubles, change: Doubles, largest: Doubles, flipped: Doubles, sample: str) -> DecisionTally:
    """Return the tally of decisions with these margins, when the scores that decide moved against each other.

    `change` is how far they moved, whichever way; `largest` the largest change of any of them, which bounds what
    float64 lost in both. A decision is certified when the change is less than the margin.

    Shape: all (decisions,).
    """
    if not len(margin):
        return DecisionTally()
    is_flipped = flipped.astype(bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        consumed = np.where(change == 0, 0.0, change / margin)
    consumed[np.isnan(consumed)] = np.inf
    return DecisionTally(
        decisions=len(margin),
        flipped=int(is_flipped.sum()),
        smallest_margin=float(margin.min()),
        flipped_margin=float(margin[is_flipped].max()) if is_flipped.any() else -math.inf,
        consumed=float(consumed.max()),
        certified=int((change + _SLACK * largest < margin).sum()),
        names=(sample,) if is_flipped.any() else (),
    )


def merge_decisions(first: DecisionTally | None, second: DecisionTally | None) -> DecisionTally | None:
    """Return the tally of both, where `None` is an output that decides nothing."""
    if first is None or second is None:
        return second if first is None else first
    return DecisionTally(
        decisions=first.decisions + second.decisions,
        flipped=first.flipped + second.flipped,
        smallest_margin=min(first.smallest_margin, second.smallest_margin),
        flipped_margin=max(first.flipped_margin, second.flipped_margin),
        consumed=max(first.consumed, second.consumed),
        certified=first.certified + second.certified,
        topk_flipped=first.topk_flipped + second.topk_flipped,
        topk_of=first.topk_of + second.topk_of,
        top5_kept=first.top5_kept + second.top5_kept,
        top5_of=first.top5_of + second.top5_of,
        names=(first.names + second.names)[:_NAMES_KEPT],
    )


def flips_of(tally: DecisionTally | None) -> Flips | None:
    """Return the record's form, or None where no decision was counted."""
    if tally is None or tally.decisions == 0:
        return None
    low, high = wilson_interval(tally.flipped, tally.decisions)
    flipped_margin = tally.flipped_margin if tally.flipped else None
    return Flips(
        flipped=tally.flipped,
        samples=tally.decisions,
        rate_low=low,
        rate_high=high,
        smallest_margin=tally.smallest_margin,
        flipped_margin=flipped_margin,
        flipped_names=tally.names,
        margin_consumed=tally.consumed,
        certified=tally.certified,
    )


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

"""Scores against a threshold: which decisions change, and how near to it the scores were."""

from __future__ import annotations

import numpy as np

from mlparity.compare.decisions import DecisionTally, tally_decisions


def tally_threshold(source: np.ndarray, artifact: np.ndarray, sample: str, threshold: float) -> DecisionTally:
    """Compare each element's decision, which is positive from the threshold on.

    Only one score moves here, so that a decision is certified when its score moved by less than its distance.

    Shape: both alike.
    """
    wide, other = source.reshape(-1).astype(np.float64), artifact.reshape(-1).astype(np.float64)
    readable = ~(np.isnan(wide) | np.isnan(other))
    wide, other = wide[readable], other[readable]
    with np.errstate(invalid="ignore"):
        change = np.where(wide == other, 0.0, np.abs(other - wide))
    flipped = (wide >= threshold) != (other >= threshold)
    return tally_decisions(np.abs(wide - threshold), change, np.minimum(change, 1e300), flipped, sample)

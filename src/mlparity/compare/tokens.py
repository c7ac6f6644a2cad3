"""Scores of tokens: how often the best token stays, where greedy decoding first takes another, and perplexity."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mlparity.compare.decisions import Doubles
from mlparity.core.steps import step_of
from mlparity.record.figures import TokenFigures


@dataclass(frozen=True, slots=True)
class TokenTally:
    """What positions of tokens showed; one whose scores hold a NaN on either side is not counted.

    The losses are sums of the negative logarithm of the probability that each side gives to the source's best token.
    `first` is the first divergence: its step, its name, and the source's margin there; the step is infinite where
    there was none.
    """

    positions: int = 0
    agreed: int = 0
    source_loss: float = 0.0
    artifact_loss: float = 0.0
    first: tuple[float, str, float] = (math.inf, "", 0.0)


def tally_tokens(source: np.ndarray, artifact: np.ndarray, sample: str) -> TokenTally:
    """Compare the best tokens along the last axis, at each position; of equal scores the first is the best.

    Greedy decoding takes the best token of the last position: where that is another one, decoding diverges.

    Shape: both alike, with at least two tokens along the last axis.
    """
    wanted, found = (array.reshape(-1, array.shape[-1]).astype(np.float64) for array in (source, artifact))
    readable = np.asarray(~(np.isnan(wanted).any(axis=1) | np.isnan(found).any(axis=1)))
    best, other = wanted.argmax(axis=1), found.argmax(axis=1)
    rows = np.flatnonzero(readable)
    return TokenTally(
        positions=len(rows),
        agreed=int((best == other)[rows].sum()),
        source_loss=float(_loss(wanted[rows], best[rows]).sum()),
        artifact_loss=float(_loss(found[rows], best[rows]).sum()),
        first=_divergence(wanted, best, other, sample) if len(readable) and readable[-1] else TokenTally().first,
    )


def _divergence(wanted: Doubles, best: np.ndarray, other: np.ndarray, sample: str) -> tuple[float, str, float]:
    if best[-1] == other[-1]:
        return TokenTally().first
    second, first = np.partition(wanted[-1], -2)[-2:]
    step = step_of(sample)
    return (math.inf if step is None else float(step), sample, 0.0 if first == second else float(first - second))


def _loss(scores: Doubles, tokens: np.ndarray) -> Doubles:
    """Return the negative logarithm of the probability of one token a row."""
    if not len(scores):
        return np.zeros(0)
    with np.errstate(invalid="ignore"):
        shifted = scores - scores.max(axis=1, keepdims=True)
        chosen = shifted[np.arange(len(scores)), tokens]
        lost: Doubles = np.log(np.exp(shifted).sum(axis=1)) - chosen
    return lost


def merge_tokens(first: TokenTally | None, second: TokenTally | None) -> TokenTally | None:
    """Return the tally of both, where `None` is an output that tells no tokens."""
    if first is None or second is None:
        return second if first is None else first
    return TokenTally(
        positions=first.positions + second.positions,
        agreed=first.agreed + second.agreed,
        source_loss=first.source_loss + second.source_loss,
        artifact_loss=first.artifact_loss + second.artifact_loss,
        first=min(first.first, second.first, key=_order),
    )


def _order(found: tuple[float, str, float]) -> tuple[bool, float]:
    """Order divergences by their step; a sample without steps comes after those that have some, and none last."""
    return not found[1], found[0]


def perplexity(loss: float, positions: int) -> float:
    """Return the exponential of the mean loss; infinite beyond float64."""
    mean = loss / positions
    return math.exp(mean) if mean < math.log(np.finfo(np.float64).max) else math.inf


def tokens_of(tally: TokenTally | None) -> TokenFigures | None:
    """Return the record's form, or None where no position was counted."""
    if tally is None or not tally.positions:
        return None
    return TokenFigures(
        positions=tally.positions,
        agreed=tally.agreed,
        source_perplexity=perplexity(tally.source_loss, tally.positions),
        artifact_perplexity=perplexity(tally.artifact_loss, tally.positions),
        first_divergence=tally.first[1],
        divergence_margin=tally.first[2] if tally.first[1] else None,
    )

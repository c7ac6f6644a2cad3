"""Figures of what an output's task showed: a metric of a task applies where the output has that task."""

from __future__ import annotations

from collections.abc import Callable

from mlparity.compare.decisions import DecisionTally
from mlparity.compare.labels import LabelTally
from mlparity.compare.masks import MaskTally
from mlparity.compare.retrieval import RetrievalTally
from mlparity.compare.tally import Tally
from mlparity.compare.tokens import TokenTally


def of_decisions(value: Callable[[DecisionTally], float]) -> Callable[[Tally], float | None]:
    """Return the figure, which has no value where nothing was decided."""

    def figure(tally: Tally) -> float | None:
        found = tally.task.decisions
        return value(found) if found is not None and found.decisions else None

    return figure


def of_masks(value: Callable[[MaskTally], float]) -> Callable[[Tally], float | None]:
    """Return the figure, which has no value where no mask has a readable pixel."""

    def figure(tally: Tally) -> float | None:
        found = tally.task.mask
        return value(found) if found is not None and found.samples else None

    return figure


def of_tokens(value: Callable[[TokenTally], float]) -> Callable[[Tally], float | None]:
    """Return the figure, which has no value where no position could be read."""

    def figure(tally: Tally) -> float | None:
        found = tally.task.tokens
        return value(found) if found is not None and found.positions else None

    return figure


def of_labels(value: Callable[[LabelTally], float]) -> Callable[[Tally], float | None]:
    """Return the figure, which has no value where no sample has a label."""

    def figure(tally: Tally) -> float | None:
        found = tally.task.labels
        return value(found) if found is not None and found.samples else None

    return figure


def of_queries(
    value: Callable[[RetrievalTally], float], count: Callable[[RetrievalTally], int]
) -> Callable[[Tally], float | None]:
    """Return the mean over queries, of which `count` says how many there are; none has no value."""

    def figure(tally: Tally) -> float | None:
        found = tally.task.retrieval
        return value(found) / count(found) if found is not None and count(found) else None

    return figure


def has_decisions(tally: Tally) -> bool:
    """Return whether the output decides something."""
    return tally.task.decisions is not None


def has_more_than_k(tally: Tally) -> bool:
    """Return whether the output has class scores of more than k classes."""
    return tally.task.decisions is not None and tally.task.decisions.topk_of > 0


def has_more_than_5(tally: Tally) -> bool:
    """Return whether the output has class scores of more than five classes."""
    return tally.task.decisions is not None and tally.task.decisions.top5_of > 0


def has_mask(tally: Tally) -> bool:
    """Return whether the output is a mask."""
    return tally.task.mask is not None


def has_tokens(tally: Tally) -> bool:
    """Return whether the output has scores of tokens."""
    return tally.task.tokens is not None


def has_labels(tally: Tally) -> bool:
    """Return whether samples have labels that could be used."""
    return tally.task.labels is not None and not tally.task.labels.unused


def has_retrieval(tally: Tally) -> bool:
    """Return whether the output is an embedding."""
    return tally.task.retrieval is not None

"""The worst samples, each once: how far every group of settings is off on it, and its picture."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.record.figures import WorstSample
from mlparity.report.rows import Comparison, Group


@dataclass(frozen=True, slots=True)
class Miss:
    """What one group of settings made of a sample; `flipped` tells that its decision changed."""

    group: Group
    worst: WorstSample
    flipped: bool


@dataclass(frozen=True, slots=True)
class SampleCard:
    """One sample, its picture ("" where it has none), and its misses, the largest first."""

    name: str
    image: str
    misses: tuple[Miss, ...]


def cards_of(comparison: Comparison) -> tuple[SampleCard, ...]:
    """Return the samples that are among the worst of any group, that with the largest difference first."""
    misses: dict[str, list[Miss]] = {}
    for group, output in comparison.entries:
        flipped = output.flips.flipped_names if output.flips is not None else ()
        for worst in output.worst:
            misses.setdefault(worst.sample, []).append(Miss(group, worst, worst.sample in flipped))
    cards = [_card(name, found) for name, found in misses.items()]
    return tuple(sorted(cards, key=lambda card: card.misses[0].worst.max_abs, reverse=True))


def _card(name: str, found: list[Miss]) -> SampleCard:
    ordered = tuple(sorted(found, key=lambda miss: miss.worst.max_abs, reverse=True))
    return SampleCard(name, next((miss.worst.image for miss in ordered if miss.worst.image), ""), ordered)

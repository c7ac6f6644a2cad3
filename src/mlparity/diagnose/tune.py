"""The smallest set that keeps a property: searches with no model in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")

Holds = Callable[[Collection[T]], bool]
"""Whether the property holds with these items; costly, so that it is asked as rarely as can be."""


def shortest_prefix(ranked: Sequence[T], holds: Holds[T]) -> tuple[T, ...] | None:
    """Return a prefix with the property: grown by doubling, then halved back. None where the whole has it not.

    It is the shortest one if every longer prefix holds too; `holds` was seen to hold for the answer in any case.
    """
    bad, good = 0, 1
    while not holds(ranked[:good]):
        if good >= len(ranked):
            return None
        bad, good = good, min(2 * good, len(ranked))
    while good - bad > 1:
        middle = (bad + good) // 2
        bad, good = (bad, middle) if holds(ranked[:middle]) else (middle, good)
    return tuple(ranked[:good])


def minimised(items: Sequence[T], holds: Holds[T]) -> tuple[T, ...]:
    """Return a part of `items`, in their order, that has the property, and of which no single item can be left out.

    `items` themselves are taken to have it. Source: Zeller and Hildebrandt, "Simplifying and Isolating
    Failure-Inducing Input", 2002 (delta debugging).
    """
    kept, parts = list(items), 2
    while len(kept) > 1:
        chunks = _split(kept, min(parts, len(kept)))
        smaller = next((candidate for candidate in _candidates(chunks) if holds(candidate)), None)
        if smaller is not None:
            parts = 2 if len(smaller) <= len(chunks[0]) else max(parts - 1, 2)
            kept = smaller
        elif parts >= len(kept):
            break
        else:
            parts = min(2 * parts, len(kept))
    return tuple(kept)


def _split(items: list[T], parts: int) -> list[list[T]]:
    bounds = [len(items) * part // parts for part in range(parts + 1)]
    return [items[start:end] for start, end in pairwise(bounds)]


def _candidates(chunks: list[list[T]]) -> list[list[T]]:
    """Return each chunk alone, then all but each chunk."""
    rests = [[item for other in chunks if other is not chunk for item in other] for chunk in chunks]
    return [*chunks, *rests] if len(chunks) > 2 else chunks

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


def last_that_holds(holds: Callable[[int], bool], most: int, step: int = 1, near: int | None = None) -> int:
    """Return a number up to `most` that holds while `step` more does not, 0 where none was found to hold.

    It is looked for from `near` on, in doubled steps; without it by halving. Numbers below one that holds are taken to
    hold, and so is 0.
    """
    good, bad = 0, most + 1
    if near is not None:
        good, bad = _around(holds, most, step, near)
    while bad - good > step:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good


def _around(holds: Callable[[int], bool], most: int, step: int, near: int) -> tuple[int, int]:
    """Return a number that holds and a larger one that does not, or `most` + 1, near a guess."""
    at, width = max(1, min(near, most)), step
    if holds(at):
        good = at
        while good < most:
            at = min(most, good + width)
            if not holds(at):
                return good, at
            good, width = at, 2 * width
        return most, most + 1
    bad = at
    while bad > 1:
        at = max(1, bad - width)
        if holds(at):
            return at, bad
        bad, width = at, 2 * width
    return 0, bad

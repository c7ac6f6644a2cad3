"""Which layer to store in how many bits: the order in which sizes fall at the least expected damage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple


class Option(NamedTuple):
    """One way to store a layer: its name, its size in bytes, and the damage that is expected of it."""

    name: str
    size: float
    damage: float


class Move(NamedTuple):
    """A layer that is stored in another way, and the damage that this adds for each byte that it saves."""

    layer: str
    name: str
    price: float


Choice = Mapping[str, str]
"""The way in which each layer is stored, by their names."""


def moves(layers: Mapping[str, Sequence[Option]]) -> list[Move]:
    """Return the moves from the largest option of each layer downwards, the cheapest first.

    Of each layer only options on the lower convex hull of size and damage are taken, so that every move costs more for
    a byte than the one before it: a number of moves then has the least damage of all choices of that size.
    """
    found = [move for layer, options in layers.items() for move in _moves_of(layer, hull(options))]
    return sorted(found, key=lambda move: move.price)  # stable: equal prices of a layer keep their order


def hull(options: Sequence[Option]) -> list[Option]:
    """Return the options from the largest to the smallest of which none is worse than a mixture of others."""
    kept: list[Option] = []
    for option in sorted(options, key=lambda each: (-each.size, each.damage)):
        if kept and option.size == kept[-1].size:
            continue
        while kept and (option.damage <= kept[-1].damage or _is_above(kept, option)):
            kept.pop()
        kept.append(option)
    return kept


def _is_above(kept: Sequence[Option], option: Option) -> bool:
    return len(kept) > 1 and _price(kept[-2], kept[-1]) >= _price(kept[-1], option)


def _price(large: Option, small: Option) -> float:
    return (small.damage - large.damage) / (large.size - small.size)


def _moves_of(layer: str, options: Sequence[Option]) -> list[Move]:
    pairs = pairwise(options)
    return [Move(layer, small.name, _price(large, small)) for large, small in pairs]


def first_choice(layers: Mapping[str, Sequence[Option]]) -> dict[str, str]:
    """Return the largest option of each layer that no smaller one betters."""
    return {layer: hull(options)[0].name for layer, options in layers.items() if options}


def after(choice: Choice, made: Sequence[Move]) -> dict[str, str]:
    """Return the choice after some moves."""
    return {**choice, **{move.layer: move.name for move in made}}

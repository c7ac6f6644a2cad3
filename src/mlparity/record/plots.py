"""What the drawings of an output are made from: a few of its values on both sides, and the difference by sample."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ValuePairs:
    """Values of one output on both sides: some drawn from all positions, and those that lie furthest apart.

    `drawn` and `apart` have (source, artifact), to seven digits. They are of the `finite` positions, where both sides
    are finite; at `undrawn` positions one side or both are NaN or infinite.
    """

    drawn: tuple[tuple[float, float], ...]
    apart: tuple[tuple[float, float], ...]
    finite: int
    undrawn: int


@dataclass(frozen=True, slots=True)
class BySample:
    """The largest absolute difference of each stretch of `width` samples, in the order of the samples.

    A stretch is None where its samples have no position with a difference, and infinite where a NaN or an infinity has
    no equal. `samples` were compared; in `unread` of them no position had a difference, in `unequal` a NaN or an
    infinity had no equal.
    """

    width: int
    largest: tuple[float | None, ...]
    samples: int
    unread: int
    unequal: int

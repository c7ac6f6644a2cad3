"""One thing changed in a run of a source, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """What is changed of a run; ops go by `TracedOp.call`.

    `lost` are writes that are left out. `answers` are the numbers that Python gets, in order, in place of its own;
    None keeps its own. `weights` are parameters and buffers by their names. `given` are the first results of an op, by
    its call.
    """

    lost: frozenset[int] = frozenset()
    answers: Sequence[float | None] = ()
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    given: Mapping[int, tuple[np.ndarray, ...]] = field(default_factory=dict)

    def with_others(self, other: Change) -> Change:
        """Return both changes; the other's answers replace these where it has any."""
        answers = other.answers if other.answers else self.answers
        weights, given = {**self.weights, **other.weights}, {**self.given, **other.given}
        return Change(self.lost | other.lost, answers, weights, given)

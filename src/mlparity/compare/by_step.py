"""How a difference grows over the steps of sequences: the largest at each step, over all samples."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from mlparity.core.steps import step_of
from mlparity.record.figures import StepFigure

FOLLOWED = 4096
"""How many steps are followed of a sequence; memory does not grow with longer ones (assumed: no prompt is longer)."""

SHOWN = 512
"""How many steps a record has of an output (assumed: enough to see how a difference grows)."""


class ByStep:
    """The largest absolute difference at each step so far."""

    def __init__(self, known: Mapping[int, float] | None = None) -> None:
        """Go on with what is known; of samples without steps nothing becomes known."""
        self.known: dict[int, float] = {} if known is None else dict(known)

    def add(self, sample: str, difference: float) -> None:
        """Take the largest difference of one step, which is infinite where a NaN has no equal."""
        step = step_of(sample)
        if step is not None and step < FOLLOWED:
            self.known[step] = max(self.known.get(step, 0.0), difference)

    def result(self) -> tuple[StepFigure, ...]:
        """Return the steps in order: all of them, or of many the largest of each stretch, the first and the last."""
        steps = [StepFigure(step, self.known[step]) for step in sorted(self.known)]
        if len(steps) <= SHOWN:
            return tuple(steps)
        ends = [len(steps) * number // (SHOWN - 2) for number in range(SHOWN - 1)]
        largest = [max(steps[low:high], key=_size) for low, high in pairwise(ends)]
        kept = {figure.step: figure for figure in (steps[0], *largest, steps[-1])}
        return tuple(kept.values())


def _size(figure: StepFigure) -> float:
    return figure.max_abs

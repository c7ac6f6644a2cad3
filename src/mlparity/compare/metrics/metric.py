"""What a metric is: a description, the values that it can take, and a function of a tally."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from mlparity.compare.tally import Tally
from mlparity.record.figures import MetricInfo


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the greatest value that a metric can take; an infinite end has no bound."""

    low: float
    high: float


NOT_NEGATIVE = Range(0.0, math.inf)
RATIO = Range(0.0, 1.0)
SIGNED_RATIO = Range(-1.0, 1.0)
UNBOUNDED = Range(-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: `value` gives None where the tally holds no answer, or NaN where float64 lost it.

    A metric for which `applies` is false is left out of an output's figures. One that `counts_mismatches` counts
    positions that the verdict's own rule judges, so that no limit can allow any.
    """

    info: MetricInfo
    range: Range
    value: Callable[[Tally], float | None]
    applies: Callable[[Tally], bool] = lambda _: True
    counts_mismatches: bool = False

    @property
    def has_scale(self) -> bool:
        """Whether a limit can be a multiple of the output's scale: the metric has the output's own unit."""
        return self.info.unit == "output"

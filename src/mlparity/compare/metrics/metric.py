"""What a metric is: a description, and a function of a tally."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mlparity.compare.tally import Tally
from mlparity.core.record import MetricInfo


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure: `value` gives None where the tally holds no answer.

    A metric for which `applies` is false is left out of an output's figures.
    """

    info: MetricInfo
    value: Callable[[Tally], float | None]
    applies: Callable[[Tally], bool] = lambda _: True

"""How often the set of the best classes changed."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.policy import TaskKind
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    decisions = tally.task.decisions
    return float(decisions.topk_flipped) if decisions is not None else None


def _applies(tally: Tally) -> bool:
    return tally.task.decisions is not None and tally.task.decisions.topk_of > 0


METRIC = Metric(
    MetricInfo(
        name="topk_flips",
        title="top-k flips",
        unit="rows",
        better=Better.LOWER,
        formula=(
            "The number of rows of class scores whose k best classes are not the source's, k being the task's and "
            "5 where none is named; equal scores count as the same."
        ),
        of_difference=False,
        task=TaskKind.CLASSES,
    ),
    _value,
    _applies,
)

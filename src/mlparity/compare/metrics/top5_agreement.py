"""How many of the source's five best classes stay among the artifact's five best."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.policy import TaskKind
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    decisions = tally.task.decisions
    return decisions.top5_kept / decisions.top5_of if decisions is not None else None


def _applies(tally: Tally) -> bool:
    return tally.task.decisions is not None and tally.task.decisions.top5_of > 0


METRIC = Metric(
    MetricInfo(
        name="top5_agreement",
        title="top-5 agreement",
        unit="ratio",
        better=Better.HIGHER,
        formula=(
            "The share of the source's five best classes, over all rows, that are among the artifact's five best; "
            "equal scores count as among them."
        ),
        of_difference=False,
        task=TaskKind.CLASSES,
    ),
    _value,
    _applies,
)

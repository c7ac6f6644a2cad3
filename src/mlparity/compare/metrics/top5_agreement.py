"""How many of the source's five best classes stay among the artifact's five best."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    return tally.classes.top5_kept / tally.classes.top5_of if tally.classes is not None else None


def _applies(tally: Tally) -> bool:
    return tally.classes is not None and tally.classes.top5_of > 0


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
    ),
    _value,
    _applies,
)

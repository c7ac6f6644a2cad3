"""How often the top class changed."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    return float(tally.classes.flipped) if tally.classes is not None and tally.classes.rows else None


def _applies(tally: Tally) -> bool:
    return tally.classes is not None


METRIC = Metric(
    MetricInfo(
        name="flips",
        title="flips",
        unit="rows",
        better=Better.LOWER,
        formula=(
            "The number of rows whose largest score belongs to another class than the source's; the first of "
            "equal scores counts."
        ),
        of_difference=False,
    ),
    _value,
    _applies,
)

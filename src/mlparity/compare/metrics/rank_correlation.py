"""How alike the two spaces order all neighbours."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.policy import TaskKind
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    found = tally.task.retrieval
    return found.correlation / found.ranked if found is not None and found.ranked else None


def _applies(tally: Tally) -> bool:
    return tally.task.retrieval is not None


METRIC = Metric(
    MetricInfo(
        name="rank_correlation",
        title="rank correlation",
        unit="ratio",
        better=Better.HIGHER,
        formula=(
            "Spearman's correlation between the orders, by cosine, of the first 256 other embeddings in the two "
            "spaces, as the mean over embeddings."
        ),
        of_difference=False,
        task=TaskKind.RETRIEVAL,
    ),
    _value,
    _applies,
)

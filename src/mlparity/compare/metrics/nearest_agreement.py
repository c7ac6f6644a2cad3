"""How often an embedding keeps its nearest neighbour."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.policy import TaskKind
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    found = tally.task.retrieval
    return found.same_nearest / found.queries if found is not None and found.queries else None


def _applies(tally: Tally) -> bool:
    return tally.task.retrieval is not None


METRIC = Metric(
    MetricInfo(
        name="nearest_agreement",
        title="nearest neighbour agreement",
        unit="ratio",
        better=Better.HIGHER,
        formula=(
            "The share of embeddings whose nearest neighbour by cosine, among the first 256 others, is the same "
            "in the artifact's space as in the source's; the figure needs three embeddings."
        ),
        of_difference=False,
        task=TaskKind.RETRIEVAL,
    ),
    _value,
    _applies,
)

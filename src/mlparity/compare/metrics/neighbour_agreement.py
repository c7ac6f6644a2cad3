"""How many of an embedding's nearest neighbours stay."""

from __future__ import annotations

from mlparity.compare.metrics.metric import Metric
from mlparity.compare.tally import Tally
from mlparity.core.policy import TaskKind
from mlparity.core.record import Better, MetricInfo


def _value(tally: Tally) -> float | None:
    found = tally.task.retrieval
    return found.kept / found.queries if found is not None and found.queries else None


def _applies(tally: Tally) -> bool:
    return tally.task.retrieval is not None


METRIC = Metric(
    MetricInfo(
        name="neighbour_agreement",
        title="neighbour agreement",
        unit="ratio",
        better=Better.HIGHER,
        formula=(
            "The share of the k nearest neighbours by cosine, among the first 256 other embeddings, that stay "
            "among the k nearest in the artifact's space, as the mean over embeddings."
        ),
        of_difference=False,
        task=TaskKind.RETRIEVAL,
    ),
    _value,
    _applies,
)

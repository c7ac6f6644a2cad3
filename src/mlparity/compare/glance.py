"""What one sample shows by itself: it can be found out in another process, and is counted in the samples' order.

The sums of a comparison are over these, sample by sample, wherever each was looked at: no bit of them depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlparity.compare.histogram import DecadeCounter
from mlparity.compare.pairs import PairTally, pairs_of
from mlparity.compare.retrieval import Pair, embeddings_of
from mlparity.compare.tally import Tally, TaskTally, tally_of
from mlparity.compare.tasks import tally_task
from mlparity.compare.user_metric import MetricTally
from mlparity.core.labels import Labels
from mlparity.record.figures import Histogram
from mlparity.record.policy import OutputTask, TaskKind


@dataclass(frozen=True, slots=True)
class OutputGlance:
    """One output of one sample; `embeddings` are those to search among, where that is its task."""

    name: str
    tally: Tally
    histogram: Histogram
    task: OutputTask | None
    embeddings: tuple[Pair, ...]
    pairs: PairTally


@dataclass(frozen=True, slots=True)
class Glance:
    """All outputs of one sample, why some could not be compared, and what each of the user's metrics gave.

    There are no metrics where an output is missing.
    """

    outputs: tuple[OutputGlance, ...]
    problems: tuple[str, ...]
    unlike: tuple[str, ...]
    metrics: tuple[MetricTally, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """Which output of which sample is looked at, for what task, and the labels of the samples.

    A difference below `edge` need not be drawn.
    """

    sample: str
    output: str
    task: OutputTask | None
    labels: Labels | None
    edge: float = 0.0


def glance_at(shown: Shown, source: np.ndarray, artifact: np.ndarray) -> OutputGlance:
    """Return what one output shows.

    Shape: both alike.
    """
    task, decades = shown.task, DecadeCounter()
    seen = TaskTally() if task is None else tally_task(task, source, artifact, shown.sample, shown.labels)
    tally, difference = tally_of(source, artifact, seen)
    decades.add(difference, tally.nan_mismatches + tally.inf_mismatches)
    is_searched = task is not None and task.kind is TaskKind.RETRIEVAL
    embeddings = embeddings_of(source, artifact) if is_searched else ()
    pairs = pairs_of(shown.sample, source, artifact, difference, shown.edge)
    return OutputGlance(shown.output, tally, decades.result(), task, embeddings, pairs)

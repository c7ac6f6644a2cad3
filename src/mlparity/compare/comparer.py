"""Two sets of outputs, sample by sample, to figures; memory does not grow with the number of samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mlparity.compare.align import align
from mlparity.compare.by_sample import SampleTally, with_sample
from mlparity.compare.by_step import ByStep
from mlparity.compare.decisions import flips_of
from mlparity.compare.glance import Glance, OutputGlance, Shown, glance_at
from mlparity.compare.histogram import DecadeCounter
from mlparity.compare.labels import labels_of
from mlparity.compare.metrics import figures_of
from mlparity.compare.pairs import PairTally, merge_pairs
from mlparity.compare.retrieval import Pair, Retrieval, RetrievalTally
from mlparity.compare.tally import Tally, TaskTally, merge
from mlparity.compare.tasks import Tasks, why_not
from mlparity.compare.tokens import tokens_of
from mlparity.compare.user_metric import LoadedMetric, MetricTally, merge_metrics, tally_metric, task_figure
from mlparity.core.array_text import ArrayText, array_of_text, text_of_array
from mlparity.core.labels import Labels
from mlparity.record.figures import Histogram, OutputFigures, TaskFigure, WorstSample
from mlparity.record.policy import OutputTask, TaskKind

Image = str | Callable[[], str] | None
"""A PNG data URI of a sample, or a function that makes one when it is needed."""


@dataclass(frozen=True, slots=True)
class OutputState:
    """What a comparison knows of one output so far, without the pictures of its worst samples.

    `gallery` holds the embeddings to search among, two rows (source, artifact) for each; None where there are none.
    """

    name: str
    tally: Tally
    histogram: Histogram
    worst: tuple[WorstSample, ...]
    task: OutputTask | None
    gallery: ArrayText | None
    searched: RetrievalTally
    steps: tuple[tuple[int, float], ...] = ()
    pairs: PairTally = field(default_factory=PairTally)
    by_sample: SampleTally = field(default_factory=SampleTally)


@dataclass(frozen=True, slots=True)
class ComparerState:
    """What a comparison knows so far; its size does not depend on the number of samples."""

    outputs: tuple[OutputState, ...]
    problems: tuple[str, ...]
    unlike: tuple[str, ...]
    metrics: tuple[MetricTally, ...]


WORST_KEPT = 5
"""How many of the worst samples an output keeps."""

_PROBLEMS_KEPT = 20


class Comparer:
    """Accumulates the difference between a source and an artifact; sums are held in float64.

    Without `tasks`, a row of (classes,) or (N, classes) counts as class scores unless `class_outputs` names the
    outputs that do; an empty collection means none. `metrics` are called with all outputs of a sample. With
    `both_ways` an output that the artifact alone has is a problem too. `labels` are the samples'.
    """

    def __init__(
        self,
        *,
        class_outputs: Collection[str] | None = None,
        tasks: Sequence[OutputTask] = (),
        metrics: Sequence[LoadedMetric] = (),
        worst_kept: int = WORST_KEPT,
        both_ways: bool = False,
        labels: Labels | None = None,
    ) -> None:
        """Start with nothing compared."""
        self._both_ways, self._labels = both_ways, labels
        self._tasks = Tasks(tasks, class_outputs)
        self._metrics = [(loaded, MetricTally()) for loaded in metrics]
        self._worst_kept = worst_kept
        self._outputs: dict[str, _Accumulator] = {}
        self._problems: dict[str, None] = {}
        self._unlike: dict[str, None] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """Why outputs could not be compared: each reason once, the first twenty; not empty means not `pass`."""
        return tuple(self._problems)

    @property
    def unlike(self) -> tuple[str, ...]:
        """Which outputs are missing or of another shape: each reason once, the first twenty; not empty means `fail`."""
        return tuple(self._unlike)

    @property
    def task_figures(self) -> tuple[TaskFigure, ...]:
        """What the user's own metrics gave so far."""
        return tuple(task_figure(loaded.metric, tally) for loaded, tally in self._metrics)

    def add(
        self, sample: str, source: Mapping[str, np.ndarray], artifact: Mapping[str, np.ndarray], image: Image = None
    ) -> None:
        """Compare the outputs of one sample; `image` is asked for at the end, and only for the worst samples.

        Raises:
            PolicyError: the user's own metric fails.
        """
        self.count(sample, self.look(sample, source, artifact), image)

    def look(self, sample: str, source: Mapping[str, np.ndarray], artifact: Mapping[str, np.ndarray]) -> Glance:
        """Return what one sample shows, without counting it.

        Raises:
            PolicyError: the user's own metric fails.
        """
        alignment = align(source, artifact)
        problems = list(alignment.problems)
        if self._both_ways:
            problems += [f"{name}: only the second side has this output" for name in alignment.extra]
        paired = {name: artifact[other].reshape(source[name].shape) for name, other in alignment.pairs}
        outputs = []
        for name, values in paired.items():
            task, problem = self._task(name, source[name], values)
            problems += [problem] if problem else []
            outputs.append(glance_at(Shown(sample, name, task, self._labels, self._edge(name)), source[name], values))
        # With an output missing the user's function would fail for a reason that is told already.
        is_whole = not (alignment.problems or alignment.unlike)
        metrics = [tally_metric(loaded, sample, source, paired) for loaded, _ in self._metrics] if is_whole else []
        return Glance(tuple(outputs), tuple(problems), tuple(alignment.unlike), tuple(metrics))

    def count(self, sample: str, glance: Glance, image: Image = None) -> None:
        """Count what one sample showed, which may have been looked at elsewhere; samples are counted in their order."""
        _keep(self._problems, glance.problems)
        _keep(self._unlike, glance.unlike)
        for output in glance.outputs:
            accumulator = self._outputs.setdefault(output.name, _Accumulator(self._worst_kept, self._labels))
            accumulator.count(sample, output, image)
        if glance.metrics:
            self._metrics = [
                (loaded, merge_metrics(loaded.metric, tally, seen))
                for (loaded, tally), seen in zip(self._metrics, glance.metrics, strict=True)
            ]

    def result(self) -> tuple[OutputFigures, ...]:
        """Return the figures of every output that was compared, in the source's order."""
        return tuple(accumulator.result(name) for name, accumulator in self._outputs.items())

    def state(self) -> ComparerState:
        """Return what is needed to go on later, in another process."""
        outputs = tuple(accumulator.state(name) for name, accumulator in self._outputs.items())
        return ComparerState(outputs, self.problems, self.unlike, tuple(tally for _, tally in self._metrics))

    def restore(self, state: ComparerState, image_of: Callable[[str], Image]) -> None:
        """Go on where a comparer of the same tasks and metrics stopped; `image_of` gives a sample's picture by name."""
        self._problems, self._unlike = dict.fromkeys(state.problems), dict.fromkeys(state.unlike)
        self._metrics = [(loaded, tally) for (loaded, _), tally in zip(self._metrics, state.metrics, strict=True)]
        self._outputs = {
            output.name: _Accumulator.restored(output, self._worst_kept, image_of, self._labels)
            for output in state.outputs
        }

    def _edge(self, name: str) -> float:
        """Return what a difference must reach to be drawn, by what was counted here."""
        known = self._outputs.get(name)
        return 0.0 if known is None else known.edge

    def _task(self, name: str, source: np.ndarray, artifact: np.ndarray) -> tuple[OutputTask | None, str]:
        """Return the task of an output; or none, and why it cannot have its own."""
        task = self._tasks.of(name, source, artifact)
        problem = "" if task is None else why_not(task, source.shape)
        return (None, f"{name}: {problem}") if problem else (task, "")


def _keep(known: dict[str, None], reasons: Sequence[str]) -> None:
    for reason in reasons:
        if len(known) < _PROBLEMS_KEPT:
            known.setdefault(reason)


class _Accumulator:
    """The sums, decades, task and worst samples of one output."""

    def __init__(self, worst_kept: int, labels: Labels | None) -> None:
        self._tally, self._labels = Tally(), labels
        self._task: OutputTask | None = None
        self._retrieval: Retrieval | None = None
        self._decades = DecadeCounter()
        self._steps, self._pairs, self._by_sample = ByStep(), PairTally(), SampleTally()
        self._worst: list[tuple[WorstSample, Image]] = []
        self._worst_kept = worst_kept

    @property
    def edge(self) -> float:
        return self._pairs.edge

    def count(self, sample: str, glance: OutputGlance, image: Image) -> None:
        tally = glance.tally
        if glance.task is not None:
            self._task = glance.task
            self._search(glance.task, glance.embeddings)
        mismatches = tally.nan_mismatches + tally.inf_mismatches
        self._tally = merge(self._tally, tally)
        self._decades.count(glance.histogram)
        self._pairs = merge_pairs(self._pairs, glance.pairs)
        if not (tally.finite or mismatches):
            self._by_sample = with_sample(self._by_sample, None)
            return
        mean = tally.sum_abs / tally.finite if tally.finite else math.inf
        largest = math.inf if mismatches else tally.max_abs
        self._steps.add(sample, largest)
        self._by_sample = with_sample(self._by_sample, largest)
        self._worst.append((WorstSample(sample, largest, mean), image))
        # A stable sort keeps the earlier of two samples with equal differences.
        self._worst.sort(key=lambda entry: entry[0].max_abs, reverse=True)
        del self._worst[self._worst_kept :]

    def result(self, name: str) -> OutputFigures:
        found = None if self._retrieval is None else self._retrieval.result()
        tally = merge(self._tally, Tally(task=TaskTally(retrieval=found)))
        return OutputFigures(
            output=name,
            elements=tally.elements,
            scale=tally.scale,
            figures=figures_of(tally),
            histogram=self._decades.result(),
            worst=tuple(_with_image(worst, image) for worst, image in self._worst),
            flips=flips_of(tally.task.decisions),
            task=self._task,
            by_step=self._steps.result(),
            tokens=tokens_of(tally.task.tokens),
            labels=labels_of(tally.task.labels, self._labels),
            pairs=self._pairs.result(),
            by_sample=self._by_sample.result(),
        )

    def state(self, name: str) -> OutputState:
        search = self._retrieval
        gallery = None if search is None else text_of_array(np.array(search.gallery))
        worst = tuple(entry for entry, _ in self._worst)
        searched = RetrievalTally() if search is None else search.tally
        steps = tuple(self._steps.known.items())
        counted = self._decades.result()
        drawings = self._pairs, self._by_sample
        return OutputState(name, self._tally, counted, worst, self._task, gallery, searched, steps, *drawings)

    @classmethod
    def restored(
        cls, state: OutputState, worst_kept: int, image_of: Callable[[str], Image], labels: Labels | None
    ) -> _Accumulator:
        made = cls(worst_kept, labels)
        made._tally, made._task = state.tally, state.task
        made._decades.restore(state.histogram)
        made._steps = ByStep(dict(state.steps))
        made._pairs, made._by_sample = state.pairs, state.by_sample
        made._worst = [(entry, image_of(entry.sample)) for entry in state.worst]
        if state.gallery is not None and state.task is not None:
            made._retrieval = Retrieval(state.task.k)
            made._retrieval.gallery = [(pair[0], pair[1]) for pair in array_of_text(state.gallery)]
            made._retrieval.tally = state.searched
        return made

    def _search(self, task: OutputTask, embeddings: Sequence[Pair]) -> None:
        if task.kind is TaskKind.RETRIEVAL:
            if self._retrieval is None:
                self._retrieval = Retrieval(task.k)
            self._retrieval.take(embeddings)


def _with_image(worst: WorstSample, image: Image) -> WorstSample:
    picture = image() if callable(image) else image
    return WorstSample(worst.sample, worst.max_abs, worst.mean_abs, "" if picture is None else picture)

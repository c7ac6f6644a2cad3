"""Two sets of outputs, sample by sample, to figures; memory does not grow with the number of samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping

import numpy as np

from mlparity.compare.align import align
from mlparity.compare.classes import ClassTally, flips_of, looks_like_classes, tally_classes
from mlparity.compare.histogram import DecadeCounter
from mlparity.compare.metrics import figures_of
from mlparity.compare.tally import Tally, merge, tally_of
from mlparity.core.record import Noise, OutputFigures, WorstSample

Image = str | Callable[[], str] | None
"""A PNG data URI of a sample, or a function that makes one when it is needed."""

WORST_KEPT = 5
"""How many of the worst samples an output keeps."""

_PROBLEMS_KEPT = 20


class Comparer:
    """Accumulates the difference between a source and an artifact; sums are held in float64.

    A row of (classes,) or (N, classes) counts as class scores unless `class_outputs` names the outputs that do; an
    empty collection means none.
    """

    def __init__(self, *, class_outputs: Collection[str] | None = None, worst_kept: int = WORST_KEPT) -> None:
        """Start with nothing compared."""
        self._class_outputs = class_outputs
        self._worst_kept = worst_kept
        self._outputs: dict[str, _Accumulator] = {}
        self._problems: dict[str, None] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        """Why outputs could not be compared: each reason once, the first twenty; not empty means not `pass`."""
        return tuple(self._problems)

    def add(
        self, sample: str, source: Mapping[str, np.ndarray], artifact: Mapping[str, np.ndarray], image: Image = None
    ) -> None:
        """Compare the outputs of one sample; `image` is asked for at the end, and only for the worst samples."""
        alignment = align(source, artifact)
        for problem in alignment.problems:
            if len(self._problems) < _PROBLEMS_KEPT:
                self._problems.setdefault(problem)
        for source_name, artifact_name in alignment.pairs:
            accumulator = self._outputs.setdefault(source_name, _Accumulator(self._worst_kept))
            first, second = source[source_name], artifact[artifact_name].reshape(source[source_name].shape)
            accumulator.add(sample, first, second, self._classes(source_name, first, second, sample), image)

    def result(self) -> tuple[OutputFigures, ...]:
        """Return the figures of every output that was compared, in the source's order."""
        return tuple(accumulator.result(name) for name, accumulator in self._outputs.items())

    def _classes(self, name: str, source: np.ndarray, artifact: np.ndarray, sample: str) -> ClassTally | None:
        named = self._class_outputs is not None and name in self._class_outputs
        found = self._class_outputs is None and looks_like_classes(source) and artifact.dtype.kind == "f"
        if not (found or (named and source.ndim > 0 and source.shape[-1] >= 2)):
            return None
        return tally_classes(source, artifact, sample)


def noise_of(figures: tuple[OutputFigures, ...]) -> tuple[Noise, ...]:
    """Return the source's own noise from a comparison of its fp64 run (as source) with its fp32 run (as artifact)."""
    return tuple(
        Noise(output.output, maximum, mean, output.scale)
        for output in figures
        if (maximum := output.figures["max_abs"]) is not None and (mean := output.figures["mean_abs"]) is not None
    )


class _Accumulator:
    """The sums, decades and worst samples of one output."""

    def __init__(self, worst_kept: int) -> None:
        self._tally = Tally()
        self._decades = DecadeCounter()
        self._worst: list[tuple[WorstSample, Image]] = []
        self._worst_kept = worst_kept

    def add(
        self, sample: str, source: np.ndarray, artifact: np.ndarray, classes: ClassTally | None, image: Image
    ) -> None:
        tally, difference = tally_of(source, artifact, classes)
        mismatches = tally.nan_mismatches + tally.inf_mismatches
        self._tally = merge(self._tally, tally)
        self._decades.add(difference, mismatches)
        if not (difference.size or mismatches):
            return
        mean = tally.sum_abs / tally.finite if tally.finite else math.inf
        self._worst.append((WorstSample(sample, math.inf if mismatches else tally.max_abs, mean), image))
        # A stable sort keeps the earlier of two samples with equal differences.
        self._worst.sort(key=lambda entry: entry[0].max_abs, reverse=True)
        del self._worst[self._worst_kept :]

    def result(self, name: str) -> OutputFigures:
        tally = self._tally
        return OutputFigures(
            output=name,
            elements=tally.elements,
            scale=tally.scale,
            figures=figures_of(tally),
            histogram=self._decades.result(),
            worst=tuple(_with_image(worst, image) for worst, image in self._worst),
            flips=flips_of(tally.classes),
        )


def _with_image(worst: WorstSample, image: Image) -> WorstSample:
    picture = image() if callable(image) else image
    return WorstSample(worst.sample, worst.max_abs, worst.mean_abs, "" if picture is None else picture)

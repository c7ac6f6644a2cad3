"""The sums over one output that every metric is computed from; two tallies merge into one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlparity.compare.decisions import DecisionTally, merge_decisions
from mlparity.compare.labels import LabelTally, merge_labels
from mlparity.compare.masks import MaskTally, merge_masks
from mlparity.compare.retrieval import RetrievalTally
from mlparity.compare.tokens import TokenTally, merge_tokens

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TaskTally:
    """What an output's task showed; each part is None where the output has another task."""

    decisions: DecisionTally | None = None
    mask: MaskTally | None = None
    retrieval: RetrievalTally | None = None
    tokens: TokenTally | None = None
    labels: LabelTally | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums, counts and extremes over the positions of one output, in float64; the empty tally is the default.

    Differences and energies are over the `finite` positions: those where both sides are finite. The source's
    extremes are over its own finite positions.
    Elsewhere the sides agree when both are NaN or both the same infinity; otherwise the position is a mismatch.
    `nans` counts the positions where either side is NaN. Sums that leave float64's range become infinite or NaN.
    """

    elements: int = 0
    finite: int = 0
    max_abs: float = -math.inf
    min_abs: float = math.inf
    sum_abs: float = 0.0
    squared_error: float = 0.0
    source_energy: float = 0.0
    artifact_energy: float = 0.0
    product: float = 0.0
    source_max: float = -math.inf
    source_min: float = math.inf
    nans: int = 0
    nan_mismatches: int = 0
    new_nans: int = 0
    inf_mismatches: int = 0
    task: TaskTally = TaskTally()

    @property
    def scale(self) -> float:
        """The largest finite absolute value of the source; 0.0 where there is none."""
        return max(abs(self.source_max), abs(self.source_min)) if math.isfinite(self.source_max) else 0.0


def merge(first: Tally, second: Tally) -> Tally:
    """Return the tally of both; the empty tally changes nothing."""
    return Tally(
        elements=first.elements + second.elements,
        finite=first.finite + second.finite,
        max_abs=max(first.max_abs, second.max_abs),
        min_abs=min(first.min_abs, second.min_abs),
        sum_abs=first.sum_abs + second.sum_abs,
        squared_error=first.squared_error + second.squared_error,
        source_energy=first.source_energy + second.source_energy,
        artifact_energy=first.artifact_energy + second.artifact_energy,
        product=first.product + second.product,
        source_max=max(first.source_max, second.source_max),
        source_min=min(first.source_min, second.source_min),
        nans=first.nans + second.nans,
        nan_mismatches=first.nan_mismatches + second.nan_mismatches,
        new_nans=first.new_nans + second.new_nans,
        inf_mismatches=first.inf_mismatches + second.inf_mismatches,
        task=merge_tasks(first.task, second.task),
    )


def merge_tasks(first: TaskTally, second: TaskTally) -> TaskTally:
    """Return the task's tally of both; searches are summed elsewhere, once they are complete."""
    return TaskTally(
        decisions=merge_decisions(first.decisions, second.decisions),
        mask=merge_masks(first.mask, second.mask),
        tokens=merge_tokens(first.tokens, second.tokens),
        labels=merge_labels(first.labels, second.labels),
        retrieval=second.retrieval if first.retrieval is None else first.retrieval,
    )


_NO_TASK = TaskTally()


def tally_of(source: np.ndarray, artifact: np.ndarray, task: TaskTally = _NO_TASK) -> tuple[Tally, Doubles]:
    """Return the tally of two arrays of one shape, and the absolute differences at finite positions.

    Types: any real numeric type or bool. Integers and bools are subtracted exactly, then widened to float64.
    """
    source, artifact = source.reshape(-1), artifact.reshape(-1)
    wide_source, wide_artifact = source.astype(np.float64), artifact.astype(np.float64)
    finite = np.isfinite(wide_source) & np.isfinite(wide_artifact)
    counts = _counts(wide_source, wide_artifact, finite)
    if not finite.all():
        source, artifact = source[finite], artifact[finite]
        wide_source, wide_artifact = wide_source[finite], wide_artifact[finite]
    difference = _difference(source, artifact, wide_source, wide_artifact)
    sums = _sums(wide_source, wide_artifact, difference) if difference.size else Tally()
    return merge(merge(counts, sums), Tally(task=task)), difference


def _counts(source: Doubles, artifact: Doubles, finite: NDArray[np.bool_]) -> Tally:
    source_nan, artifact_nan = np.isnan(source), np.isnan(artifact)
    unequal_infinity = ~finite & ~source_nan & ~artifact_nan & (source != artifact)
    readable = source[np.isfinite(source)]
    return Tally(
        elements=source.size,
        source_max=float(readable.max(initial=-math.inf)),
        source_min=float(readable.min(initial=math.inf)),
        nans=int((source_nan | artifact_nan).sum()),
        nan_mismatches=int((source_nan != artifact_nan).sum()),
        new_nans=int((artifact_nan & ~source_nan).sum()),
        inf_mismatches=int(unequal_infinity.sum()),
    )


def _sums(source: Doubles, artifact: Doubles, difference: Doubles) -> Tally:
    with np.errstate(over="ignore", invalid="ignore"):
        return Tally(
            finite=difference.size,
            max_abs=float(difference.max()),
            min_abs=float(difference.min()),
            sum_abs=float(difference.sum()),
            squared_error=float(np.dot(difference, difference)),
            source_energy=float(np.dot(source, source)),
            artifact_energy=float(np.dot(artifact, artifact)),
            product=float(np.dot(source, artifact)),
        )


# From here on float64 does not hold every integer, so that neighbours would seem equal.
_EXACT_INTEGERS = 2.0**53


def _difference(source: np.ndarray, artifact: np.ndarray, wide_source: Doubles, wide_artifact: Doubles) -> Doubles:
    """Return the absolute differences of finite values; integers beyond float64's are subtracted as integers."""
    if source.dtype.kind in "iu" and artifact.dtype.kind == source.dtype.kind:
        kind = np.int64 if source.dtype.kind == "i" else np.uint64
        first, second = source.astype(kind), artifact.astype(kind)
        larger, smaller = np.maximum(first, second), np.minimum(first, second)
        return (larger.view(np.uint64) - smaller.view(np.uint64)).astype(np.float64)
    with np.errstate(over="ignore"):
        difference: Doubles = np.abs(wide_source - wide_artifact)
    if "i" in (kinds := source.dtype.kind + artifact.dtype.kind) or "u" in kinds:
        large = np.maximum(np.abs(wide_source), np.abs(wide_artifact)) >= _EXACT_INTEGERS
        for index in np.flatnonzero(large):
            difference[index] = abs(int(source[index]) - int(artifact[index]))
    return difference

"""The figures of one setting: differences by output, tasks, and their range over plausible variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mlparity.core.words import Confidence, Verdict
from mlparity.record.policy import OutputTask


class Better(StrEnum):
    """Which way a metric gets better."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What a figure means: `formula` is one sentence, `unit` says "output" for the unit of the output itself.

    With `of_difference` the metric grows with the size of the difference alone, so that a difference within the
    source's own noise passes every limit on it. A metric of one `task` alone names it.
    """

    name: str
    title: str
    unit: str
    better: Better
    formula: str
    of_difference: bool = True
    task: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of absolute differences by decade; `edges` has one more entry than `counts`, in log10.

    The first and the last decade also hold what lies beyond them. `zeros` counts exact agreements, which no decade
    holds; `not_finite` counts positions where a NaN or an infinity has no equal on the other side.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    zeros: int
    not_finite: int


@dataclass(frozen=True, slots=True)
class WorstSample:
    """One of the samples with the largest difference; `image` is a PNG data URI where the input is an image."""

    sample: str
    max_abs: float
    mean_abs: float
    image: str = ""


@dataclass(frozen=True, slots=True)
class Flips:
    """How often a decision changed, over `samples` decisions, with a 95% Wilson interval.

    A decision is the top class of a row of scores, or a score against a threshold. Its margin is the source's gap
    between first and second class, or to the threshold, in output units: `smallest_margin` over all and
    `flipped_margin` the largest among the flipped ones (None where none flipped). `margin_consumed` is the largest
    share of its margin that the change of the scores took from any decision: below 1 no change of that size, whichever
    way it goes, can flip one. `certified` counts the decisions of which that is true. `flipped_names` holds the first
    few samples.
    """

    flipped: int
    samples: int
    rate_low: float
    rate_high: float
    smallest_margin: float
    flipped_margin: float | None = None
    flipped_names: tuple[str, ...] = ()
    margin_consumed: float | None = None
    certified: int | None = None


@dataclass(frozen=True, slots=True)
class OutputFigures:
    """The difference of one output over all samples: `figures` maps a metric's name to its value.

    `scale` is the largest finite absolute value of the source's output. A figure is None where it has no value
    (an empty output; cosine of a zero vector), and absent where it does not apply (flips of what is no class score).
    """

    output: str
    elements: int
    scale: float
    figures: Mapping[str, float | None]
    histogram: Histogram
    worst: tuple[WorstSample, ...] = ()
    flips: Flips | None = None
    task: OutputTask | None = None


@dataclass(frozen=True, slots=True)
class TaskFigure:
    """What the user's own metric gave: its mean over `samples`, its worst value and the sample that has it.

    `skipped` counts the samples for which it does not apply. The values are None where no sample has one.
    """

    metric: str
    samples: int
    skipped: int
    mean: float | None
    worst: float | None
    worst_sample: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """The least and the greatest value of one figure over an envelope; None where no profile has a value."""

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class VariantFigures:
    """One plausible variant of a setting, and what it gave.

    `profiles` names rows of the engine's table of numerics, the first for most of the ops; `placement` says which ops
    ran in which. `chips` are those that are thought to calculate so. `figures` is by output, then by metric; it is
    empty where the run failed, and `note` says why.
    """

    name: str
    profiles: tuple[str, ...]
    placement: str
    chips: tuple[str, ...]
    confidence: Confidence
    verdict: Verdict
    figures: Mapping[str, Mapping[str, float | None]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a setting may give: every plausible variant that was run, and each figure's range over them.

    `spans` is by output, then by metric. `dominating` names the worst of `runs`, whose figures the setting shows and
    whose verdict it has; `confidence` is the least of its runs' own.
    """

    dominating: str
    confidence: Confidence
    chips: tuple[str, ...]
    runs: tuple[VariantFigures, ...]
    spans: Mapping[str, Mapping[str, Span]]

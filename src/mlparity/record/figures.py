"""The figures of one setting: differences by output, tasks, and their range over plausible variants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mlparity.core.words import Confidence, Verdict
from mlparity.record.plots import BySample, ValuePairs
from mlparity.record.policy import OutputTask


class Better(StrEnum):
    """Whether lower or higher values of a metric are better."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What a metric means.

    `formula` is one sentence. `unit` is "output" if the metric has the unit of the output itself. `of_difference` tells
    whether the metric grows with the size of the difference alone: a difference within the source's own noise then
    passes every limit on it. `task` names the one task that the metric belongs to, or is "".
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
    """How many elements differ by how much, counted by powers of ten.

    `counts[i]` counts absolute differences from 10**`edges[i]` to 10**`edges[i + 1]`; the first and the last count
    include smaller and larger ones. `zeros` counts elements that are equal. `not_finite` counts positions where a NaN
    or an infinity has no equal on the other side.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    zeros: int
    not_finite: int


@dataclass(frozen=True, slots=True)
class WorstSample:
    """A sample with one of the largest differences.

    `image` is a PNG data URI if the input is an image, else "".
    """

    sample: str
    max_abs: float
    mean_abs: float
    image: str = ""


@dataclass(frozen=True, slots=True)
class Flips:
    """How often a decision changed.

    A decision is the top class of a row of scores, or a score against a threshold. `samples` counts decisions.
    `rate_low` and `rate_high` are the 95% Wilson interval of the rate. The margin of a decision is the gap in the
    source between the first and the second class, or between score and threshold: `smallest_margin` over all decisions,
    `flipped_margin` the largest among those that changed (None if none did). `margin_consumed` is the largest part of
    its margin that any decision lost; below 1, no change of that size can flip a decision. `certified` counts the
    decisions for which that holds. `flipped_names` has the first few samples whose decision changed.
    Units: margins are in the unit of the output.
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
class TokenFigures:
    """What became of the best token at each position.

    Both sides were given the same tokens (teacher forcing). A perplexity is over the tokens that the source puts first.
    `first_divergence` is the sample, or the step, with the lowest number at which greedy decoding takes another token,
    "" where it never does; `divergence_margin` is the gap there between the source's best and second score.
    """

    positions: int
    agreed: int
    source_perplexity: float
    artifact_perplexity: float
    first_divergence: str = ""
    divergence_margin: float | None = None


@dataclass(frozen=True, slots=True)
class ChangedClass:
    """How many samples of a class the source puts into one class, and the artifact into another."""

    label: str
    source: str
    artifact: str
    samples: int


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """How often source and artifact are right, over the samples that have a label.

    `p_value` is that of McNemar's exact test, two-sided: small where one side is right more often than chance explains.
    `changed` has the most frequent changes of class, twenty at most. `unused` says why labels could not be used, ""
    where they were.
    """

    samples: int
    source_right: int
    artifact_right: int
    only_source_right: int
    only_artifact_right: int
    p_value: float
    changed: tuple[ChangedClass, ...] = ()
    unused: str = ""


@dataclass(frozen=True, slots=True)
class StepFigure:
    """The largest absolute difference at one step of sequences, over all samples; the first step is 0."""

    step: int
    max_abs: float


@dataclass(frozen=True, slots=True)
class OutputFigures:
    """The difference of one output over all samples.

    `figures` maps the name of a metric to its value: None if it has no value here, such as the cosine of a zero vector.
    Metrics that do not apply are absent. `elements` is the number of values that were compared. `scale` is the largest
    finite absolute value of the source's output. `by_step` has the steps in order where the samples are sequences; of
    many, those with the largest differences, the first and the last. `pairs` and `by_sample` are what drawings are made
    from; older records have none.
    """

    output: str
    elements: int
    scale: float
    figures: Mapping[str, float | None]
    histogram: Histogram
    worst: tuple[WorstSample, ...] = ()
    flips: Flips | None = None
    task: OutputTask | None = None
    by_step: tuple[StepFigure, ...] = ()
    tokens: TokenFigures | None = None
    labels: LabelFigures | None = None
    pairs: ValuePairs | None = None
    by_sample: BySample | None = None


@dataclass(frozen=True, slots=True)
class TaskFigure:
    """The result of the user's own metric.

    `mean` and `worst` are over `samples` samples; both are None if the metric applies to none. `skipped` counts the
    samples that it does not apply to.
    """

    metric: str
    samples: int
    skipped: int
    mean: float | None
    worst: float | None
    worst_sample: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """The smallest and the largest value of one figure over all variants, or None if no variant has a value."""

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class VariantFigures:
    """The result of one plausible execution of a setting.

    `profiles` names the numerics profiles that were used, first the one that most ops ran in. `placement` says which
    ops ran on which processor. `chips` are the chips that are thought to compute this way. `figures` maps an output to
    its metrics; it is empty if the run failed, and `note` says why.
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
    """The range of results that a setting may give on a device: every variant that was run.

    `spans` maps an output to its metrics, each with its range over all variants. `dominating` names the variant with
    the worst result: the setting shows its figures and has its verdict. `confidence` is the lowest of the variants'.
    """

    dominating: str
    confidence: Confidence
    chips: tuple[str, ...]
    runs: tuple[VariantFigures, ...]
    spans: Mapping[str, Mapping[str, Span]]

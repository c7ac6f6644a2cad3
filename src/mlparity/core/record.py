"""The record: the evidence of one verification as frozen data; `mlparity.record` reads and writes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mlparity.core.decision import Decision
from mlparity.core.drift import Drift
from mlparity.core.policy import OutputTask, Policy
from mlparity.core.words import Confidence, Precision, Provenance, Setting, Verdict

SCHEMA_VERSION = 1


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


class RowState(StrEnum):
    """What became of one setting."""

    COMPARED = "compared"
    NOT_APPLICABLE = "not applicable"
    FAILED = "failed"


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


@dataclass(frozen=True, slots=True)
class SettingResult:
    """One row of the table: a setting, its figures and its verdict, or the reason why it has none.

    `unlike` tells of outputs that are missing or of another shape, which no figure of `outputs` includes. An emulated
    row has an `envelope`; `outputs` are then those of its dominating profile. `artifact` is the path of
    the file within the record's folder; `seconds_per_sample` is wall time of our runs on this machine and says
    nothing of a device. A witness stands beside the target that an app ships: it tells causes apart, and
    is not what is asked to pass.
    """

    setting: Setting
    state: RowState
    verdict: Verdict
    provenance: Provenance | None = None
    runtime: str = ""
    artifact: str = ""
    note: str = ""
    reasons: tuple[str, ...] = ()
    outputs: tuple[OutputFigures, ...] = ()
    seconds_per_sample: float | None = None
    envelope: Envelope | None = None
    task_figures: tuple[TaskFigure, ...] = ()
    unlike: tuple[str, ...] = ()
    is_witness: bool = False

    def __post_init__(self) -> None:
        """Refuse an emulated row that does not say by which profiles, and how well they are known."""
        is_emulated = self.provenance is Provenance.EMULATED
        runs = () if self.envelope is None else self.envelope.runs
        if is_emulated != bool(runs) or not all(run.profiles for run in runs):
            raise ValueError(f"{self.setting}: emulated figures and the profiles that they are of belong together")


@dataclass(frozen=True, slots=True)
class Rung:
    """One run of the ladder that no app can choose: `meaning` says in which arithmetic an artifact was run."""

    name: str
    meaning: str
    precision: Precision
    artifact: str
    provenance: Provenance
    verdict: Verdict
    outputs: tuple[OutputFigures, ...]


@dataclass(frozen=True, slots=True)
class Hazard:
    """A limit of a processor that an op comes near to, on these samples or on others.

    `seen` is the range of the value that counts, over the samples; `limit` bounds it, and `margin` is how many times
    the value could grow before it gets there: below 1 it is beyond. `location` names the op within `artifact`.
    """

    kind: str
    artifact: str
    op: str
    location: str
    processors: tuple[str, ...]
    seen: tuple[float, float]
    limit: float
    margin: float
    sentence: str
    remedy: str
    evidence: str
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class Artifact:
    """One converted file: where it is, what it weighs, its SHA-256, and how it was made.

    `frontend` is the route that converted it ("trace", "export", "given", ...); `attempts` has one line for
    each route that was tried before and why it failed.
    """

    path: str
    target: str
    precision: Precision
    size_bytes: int
    sha256: str
    frontend: str
    attempts: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Noise:
    """The source's own rounding for one output: its fp32 run against its fp64 run, over the samples.

    `most` is the largest that fp32 alone can make (None in older records). Above it the two runs compute different
    things: the noise is unknown, and excuses nothing.
    """

    output: str
    max_abs: float
    mean_abs: float
    scale: float
    most: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether fp32 alone can have made it."""
        return math.isfinite(self.max_abs) and (self.most is None or self.max_abs <= self.most)


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Which model was verified; `notes` say what was changed to run it, such as a switch to eval mode."""

    name: str
    kind: str
    location: str
    parameters: int | None
    sha256: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SamplesInfo:
    """On what it was verified; `sha256` covers names, dtypes, shapes and bytes of all samples in order."""

    description: str
    count: int
    sha256: str
    names: tuple[str, ...] = ()
    warning: str = ""
    carry: Mapping[str, str] = field(default_factory=dict)


class CauseKind(StrEnum):
    """Why an artifact differs from its source."""

    NONE = "none"
    PRECISION = "precision"
    COMPUTE_UNIT = "compute_unit"
    OVERFLOW = "overflow"
    CONVERTER = "converter"
    PREPROCESSING = "preprocessing"
    TRAINING_MODE = "training_mode"
    NONDETERMINISM = "nondeterminism"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LocatedOp:
    """One op of an artifact that carries a difference: its MIL type, its name, and the name of its first output.

    `origin` is the source's op, module and line in its place, "" where it is not known. `share` is its part of the
    difference to first order (negative: it makes it smaller), `removed` the part that goes away with it alone made
    right; None where that is not known.
    """

    type: str
    name: str
    output: str
    origin: str = ""
    share: float | None = None
    removed: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause in one word and in one sentence, with the figures that show it, and the ops that carry it."""

    kind: CauseKind
    sentence: str
    ops: tuple[LocatedOp, ...] = ()


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The setting to ship, or None, and the sentence that says why."""

    setting: Setting | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Record:
    """All that one verification found; small, self-describing, and written beside the artifacts.

    `created` is an ISO 8601 time in UTC. `metrics` explains the names that `figures` uses. `explanation_failure` says
    why the cause could not be looked for op by op, and is "" where it was, or where nothing had to be.
    """

    schema_version: int
    mlparity_version: str
    created: str
    environment: Mapping[str, str]
    source: SourceInfo
    samples: SamplesInfo
    policy: Policy
    verdict: Verdict
    artifacts: tuple[Artifact, ...]
    settings: tuple[SettingResult, ...]
    noise: tuple[Noise, ...]
    cause: Cause
    recommendation: Recommendation
    metrics: tuple[MetricInfo, ...] = ()
    rungs: tuple[Rung, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    decision: Decision | None = None
    drift: Drift | None = None
    explanation_failure: str = ""

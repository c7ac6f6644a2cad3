"""The record: the evidence of one verification as frozen data; `record.files` reads and writes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlparity.core.words import Precision, Verdict
from mlparity.record.causes import Cause, Hazard
from mlparity.record.changes import Changes
from mlparity.record.decision import Decision, Recommendation
from mlparity.record.drift import Drift
from mlparity.record.figures import MetricInfo
from mlparity.record.fix import Fix
from mlparity.record.op_errors import GraphErrors
from mlparity.record.policy import Policy
from mlparity.record.rows import Rung, SettingResult

SCHEMA_VERSION = 1


GIVEN = "given"
"""The frontend of an artifact that somebody else converted."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model file that was verified, and how it was made.

    `path` is relative to the record's folder. `sha256` is the digest of its contents. `frontend` is the conversion
    route that made it, such as "trace" or "export", or "given" for a file that somebody else converted. `attempts` has
    one line for each route that was tried before, with the reason why it was not kept. `options` are the converter's.
    `compression` is what its weights were compressed by here, "" where they were not. `deployment` is the deployment
    target that it was converted for, where several were asked for.
    Units: `size_bytes` in bytes, `seconds` (of the conversion) in seconds.
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
    compression: str = ""
    deployment: str = ""


@dataclass(frozen=True, slots=True)
class Noise:
    """The rounding noise of the source itself in one output: its fp32 run compared with its fp64 run.

    `max_abs` and `mean_abs` are taken over samples. `scale` is the largest absolute value of the output. `most` is
    the largest difference that rounding to fp32 can cause (None in older records). If `max_abs` is larger, the two runs
    do not compute the same thing: the noise is unknown, and no difference is excused by it. Where there are many
    samples, it is taken over `samples` of them (None: over all): fewer samples have less noise, and excuse less.
    """

    output: str
    max_abs: float
    mean_abs: float
    scale: float
    most: float | None = None
    samples: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether rounding to fp32 alone can explain the difference between both runs."""
        return math.isfinite(self.max_abs) and (self.most is None or self.max_abs <= self.most)


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """The PyTorch model that was verified.

    `notes` say what was changed in order to run it, such as a switch to eval mode. `parameters` is their number, None
    where it is not known. `sha256` is the digest of its file or weights.
    """

    name: str
    kind: str
    location: str
    parameters: int | None
    sha256: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SamplesInfo:
    """The samples that the model was verified on.

    `sha256` covers the names, dtypes, shapes and bytes of all samples, in order. `warning` says what such samples
    cannot show. `carry` maps an output to the input that it feeds in the next sample.
    """

    description: str
    count: int
    sha256: str
    names: tuple[str, ...] = ()
    warning: str = ""
    carry: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What an explanation left out because its time was spent.

    Units: `seconds` that it could take, of work: those of the processor, or half of the clock's where that is more.
    """

    seconds: float
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lowering:
    """How a converter's graph for one deployment target differs from its graph for another: ops by type, and how many.

    `artifact` has the ops of `more` beyond `other`, and lacks those of `fewer`; both are paths of artifacts.
    """

    artifact: str
    other: str
    more: Mapping[str, int] = field(default_factory=dict)
    fewer: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that one verification found; it is written beside the artifacts as `record.json`.

    `created` is an ISO 8601 time in UTC. `metrics` explains the metric names that appear in `figures`. `rungs` are
    extra runs that tell causes apart. `explanation_failure` says why the difference could not be traced to ops; it is
    "" if it was traced, or if there was nothing to trace. `fix` says what was tried to cure a difference; it is None if
    nobody asked. `changes` are those since an earlier record, None if none was given. `unfinished` says what the
    explanation left out for its time, None where it is whole.
    `lowerings` tell the graphs of several deployment targets apart. `graph_errors` are there where they were asked for.
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
    fix: Fix | None = None
    changes: Changes | None = None
    unfinished: Unfinished | None = None
    lowerings: tuple[Lowering, ...] = ()
    graph_errors: tuple[GraphErrors, ...] = ()

"""The record: the evidence of one verification as frozen data; `record.files` reads and writes it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from mlparity.core.words import Precision, Verdict
from mlparity.record.causes import Cause, Hazard
from mlparity.record.decision import Decision, Recommendation
from mlparity.record.drift import Drift
from mlparity.record.figures import MetricInfo
from mlparity.record.policy import Policy
from mlparity.record.rows import Rung, SettingResult

SCHEMA_VERSION = 1


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

"""What a comparison of two sets of outputs found, as one frozen value and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass

from mlparity.core.words import Verdict
from mlparity.record.figures import MetricInfo, OutputFigures, TaskFigure
from mlparity.record.policy import Policy
from mlparity.record.text import plain

COMPARISON_VERSION = 1
"""The version of the form that `comparison_text` writes."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sets of outputs, what each output shows, and the verdict with its reasons.

    `reference` and `other` are the names of the files; `samples` counts those that both have. `metrics` says what the
    figures mean. `created` is an ISO 8601 time in UTC.
    """

    reference: str
    other: str
    samples: int
    policy: Policy
    verdict: Verdict
    reasons: tuple[str, ...]
    outputs: tuple[OutputFigures, ...]
    task_figures: tuple[TaskFigure, ...]
    metrics: tuple[MetricInfo, ...]
    created: str
    mlparity_version: str
    comparison_version: int = COMPARISON_VERSION


def comparison_text(comparison: Comparison) -> str:
    """Return a comparison as JSON, in the form of a record: non-finite numbers are texts."""
    return json.dumps(plain(comparison), ensure_ascii=False, allow_nan=False, indent=1) + "\n"

"""Why an artifact of any target differs: on our engine where that runs it, by its own runtime's values elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.core.words import ComputeUnit
from mlparity.record.causes import Cause
from mlparity.targets.table import checked_target
from mlparity.verification.explain_elsewhere import explain_elsewhere
from mlparity.verification.explain_package import worst_case


def explain_artifact(
    path: Path, source: Source, samples: Mapping[str, Sample], unit: ComputeUnit | None = None
) -> tuple[Cause, ...]:
    """Return why the artifact at `path` differs from `source`, where it does so most; `unit` is for our engine alone.

    Raises:
        MlparityError: the artifact or a sample cannot be used.
    """
    if checked_target(path).engine is None:
        return explain_elsewhere(path, source, samples)
    case = worst_case(path, source, samples, unit)
    return (case,) if isinstance(case, Cause) else case.causes()


def joined(causes: Sequence[Cause]) -> Cause:
    """Return several causes as one: the first's kind, and what shows all of them."""
    evidence = tuple(each for cause in causes for each in cause.evidence)
    return Cause(causes[0].kind, evidence, tuple(op for cause in causes for op in cause.ops))

"""`assert_parity`: a verification as one assertion of a test."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from mlparity.core.boundary import typed_errors
from mlparity.core.progress import silent
from mlparity.core.session import SampleSet
from mlparity.core.words import Verdict
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from mlparity.report.markdown import markdown_report
from mlparity.targets.artifacts import kind_of
from mlparity.targets.table import settings_of
from mlparity.verification.options import VerifyOptions
from mlparity.verification.verify import run_verification


@typed_errors
def assert_parity(
    source: str | nn.Module,
    artifact: str | Path | None = None,
    inputs: str | SampleSet | Sequence[Mapping[str, object]] | None = None,
    policy: str | Policy = "consistency",
    *,
    out: str | Path | None = None,
    options: VerifyOptions | None = None,
) -> Record:
    """Verify `source`, and fail like an assertion unless the verdict is `pass`; return the record.

    Without `artifact` the source is converted first. A given artifact is verified in the settings of its own precision,
    unless `options` name others. Record and report are kept only if there is a folder `out`.

    Raises:
        AssertionError: the verdict is `fail` or `unknown`; the message is the report as Markdown.
        MlparityError: the source, the samples or the policy cannot be used.
    """
    __tracebackhide__ = True
    chosen = VerifyOptions() if options is None else options
    if artifact is not None:
        chosen = _given(Path(artifact), chosen)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "out" if out is None else out
        record = run_verification(source, folder, inputs, policy, chosen, silent)
    if record.verdict is not Verdict.PASS:
        kept = "" if out is None else f"\nreport: {Path(out) / 'report.html'}"
        raise AssertionError(f"{record.source.name}: {record.verdict}\n\n{markdown_report(record)}{kept}")
    return record


def _given(artifact: Path, options: VerifyOptions) -> VerifyOptions:
    if not options.is_default:
        return replace(options, artifacts=(artifact,))
    return replace(options, artifacts=(artifact,), settings=settings_of(*kind_of(artifact)))

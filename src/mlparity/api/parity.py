"""`assert_parity`: a verification as one assertion of a test."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from torch import nn

from mlparity.core.boundary import typed_errors
from mlparity.core.errors import InputError
from mlparity.core.progress import silent
from mlparity.core.words import Setting, Verdict
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from mlparity.report.failure import failure_text
from mlparity.targets.artifacts import kind_of
from mlparity.targets.table import settings_from, settings_of, target_of
from mlparity.verification.options import VerifyOptions
from mlparity.verification.sources import Inputs
from mlparity.verification.verify import run_verification


@typed_errors
def assert_parity(
    source: str | nn.Module,
    inputs: Inputs = None,
    *,
    artifact: str | Path | None = None,
    policy: str | Policy = "consistency",
    settings: Sequence[str | Setting] = (),
    baseline: str | Path | None = None,
    out: str | Path | None = None,
    options: VerifyOptions | None = None,
) -> Record:
    """Verify `source` on `inputs`, and fail like an assertion unless the verdict is `pass`; return the record.

    Without `artifact` the source is converted first. `settings` are names or patterns, such as "fp32/CPU_ONLY" or
    "fp16/*"; without them a given artifact is verified in the settings of its own precision. With `baseline`, an
    earlier record of the model, it also fails unless everything is known to be as good as then. Record and report are
    kept only if there is a folder `out`.

    Raises:
        AssertionError: the verdict is `fail` or `unknown`, or something got worse; the message says what and why.
        MlparityError: the source, the samples, the settings or the policy cannot be used.
    """
    __tracebackhide__ = True
    chosen = VerifyOptions() if options is None else options
    if settings:
        chosen = replace(chosen, settings=settings_from([str(setting) for setting in settings]))
    if artifact is not None:
        chosen = _given(Path(artifact), chosen)
    if baseline is not None:
        chosen = replace(chosen, baseline=Path(baseline))
    _check_inputs(inputs)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "out" if out is None else out
        record = run_verification(source, folder, inputs, policy, chosen, silent)
    is_as_good = record.changes is None or record.changes.verdict is Verdict.PASS
    if record.verdict is not Verdict.PASS or not is_as_good:
        raise AssertionError(failure_text(record, "" if out is None else str(Path(out) / "report.html")))
    return record


def _given(artifact: Path, options: VerifyOptions) -> VerifyOptions:
    if not options.is_default:
        return replace(options, artifacts=(artifact,))
    return replace(options, artifacts=(artifact,), settings=settings_of(*kind_of(artifact)))


def _check_inputs(inputs: Inputs) -> None:
    """Refuse an artifact in the place of the samples."""
    if isinstance(inputs, str | Path) and target_of(Path(inputs)) is not None:
        raise InputError(
            "the inputs are an artifact",
            found=str(inputs),
            expected="samples: a folder, a file, `module:function`, or a list of mappings",
            next_step="give the artifact by its name: assert_parity(model, samples, artifact=...)",
        )

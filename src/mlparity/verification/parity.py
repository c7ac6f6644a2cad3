"""A verification as one assertion: what is asked for, and the text of a failure."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from mlparity.compare.policies import POLICIES
from mlparity.core.errors import InputError
from mlparity.core.progress import silent
from mlparity.core.words import Setting, Verdict
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from mlparity.report.failure import failure_text
from mlparity.targets.artifacts import kind_of
from mlparity.targets.table import settings_from, settings_of, target_of
from mlparity.verification.deploying import with_deployments
from mlparity.verification.options import VerifyOptions
from mlparity.verification.sources import Inputs
from mlparity.verification.verify import run_verification

_OF_PATTERNS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Claim:
    """That a model holds a policy: in which artifact and settings, and no worse than which earlier record."""

    policy: str | Policy
    artifact: str | Path | None = None
    settings: Sequence[str | Setting] = ()
    baseline: str | Path | None = None

    def judged_by(self, options: VerifyOptions) -> str | Policy:
        """Return the policy; a built-in one, which asks for one passing setting, requires those that are named.

        A setting is required for each deployment target of `options`. A pattern names what there is to choose from.
        What a file or an object requires holds as it is.
        """
        built_in = {policy.name: policy for policy in POLICIES}.get(str(self.policy))
        named = [name for name in map(str, self.settings) if not _OF_PATTERNS.intersection(name)]
        if built_in is None or not named:
            return self.policy
        required = with_deployments(replace(options, settings=settings_from(named))).settings
        return replace(built_in, required=tuple(map(str, required)))

    def applied_to(self, options: VerifyOptions) -> VerifyOptions:
        """Return `options` with what this claim names.

        Raises:
            InputError: a setting is unknown, or the artifact is of no known kind.
        """
        if self.settings:
            options = replace(options, settings=settings_from([str(setting) for setting in self.settings]))
        if self.artifact is not None:
            options = _given(Path(self.artifact), options)
        return options if self.baseline is None else replace(options, baseline=Path(self.baseline))


def assert_claim(
    source: str | nn.Module, inputs: Inputs, claim: Claim, out: str | Path | None, options: VerifyOptions
) -> Record:
    """Verify `source` on `inputs` and return the record, which is kept only if there is a folder `out`.

    Raises:
        AssertionError: the claim does not hold, or it is not known whether it does.
        MlparityError: the source, the samples, the settings or the policy cannot be used.
    """
    __tracebackhide__ = True
    chosen = claim.applied_to(options)
    _check_inputs(inputs)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "out" if out is None else out
        record = run_verification(source, folder, inputs, claim.judged_by(chosen), chosen, silent)
    is_as_good = record.changes is None or record.changes.verdict is Verdict.PASS
    if record.verdict is not Verdict.PASS or not is_as_good:
        raise AssertionError(failure_text(record, "" if out is None else str(Path(out) / "report.html")))
    return record


def _given(artifact: Path, options: VerifyOptions) -> VerifyOptions:
    if not options.is_default:
        return replace(options, artifacts=(artifact,))
    return replace(options, artifacts=(artifact,), settings=settings_of(*kind_of(artifact, options.function)))


def _check_inputs(inputs: Inputs) -> None:
    """Refuse an artifact in the place of the samples."""
    if isinstance(inputs, str | Path) and target_of(Path(inputs)) is not None:
        raise InputError(
            "the inputs are an artifact",
            found=str(inputs),
            expected="samples: a folder, a file, `module:function`, or a list of mappings",
            next_step="give the artifact by its name: assert_parity(model, samples, artifact=...)",
        )

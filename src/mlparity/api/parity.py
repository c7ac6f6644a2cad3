"""`assert_parity`: a verification as one assertion of a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from mlparity.core.boundary import typed_errors
from mlparity.core.words import Setting
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from mlparity.verification.options import VerifyOptions
from mlparity.verification.parity import Claim, assert_claim
from mlparity.verification.sources import Inputs


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
    "fp16/*"; without them a given artifact is verified in those of its own precision. Under a built-in policy each
    setting that is named has to pass, and of a pattern's one. With `baseline`, an earlier record of the model, it also
    fails unless everything is known to be as good as then. Record and report are kept in the folder `out`, if any.

    Raises:
        AssertionError: the verdict is `fail` or `unknown`, or something got worse; the message says what and why.
        MlparityError: the source, the samples, the settings or the policy cannot be used.
    """
    __tracebackhide__ = True
    claim = Claim(policy, artifact, settings, baseline)
    return assert_claim(source, inputs, claim, out, VerifyOptions() if options is None else options)

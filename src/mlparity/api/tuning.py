"""`tune`: the smallest set of ops to keep in fp32 so that a policy holds."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from mlparity.core.boundary import typed_errors
from mlparity.core.progress import Progress, silent
from mlparity.record.policy import Policy
from mlparity.record.tuning import Tuning
from mlparity.verification.options import VerifyOptions
from mlparity.verification.sources import Inputs
from mlparity.verification.tuning import run_tuning


@typed_errors
def tune(
    source: str | nn.Module,
    out: str | Path,
    inputs: Inputs = None,
    policy: str | Policy = "task",
    options: VerifyOptions | None = None,
    progress: Progress = silent,
) -> Tuning:
    """Find the fewest ops that have to stay in fp32 so that `policy` passes in every fp16 setting of `options`.

    The package, `op_selector.py` and `tuning.json` are written into the folder `out`. Ops that overflow are kept in
    fp32 first, then those that contribute most to the difference. Afterwards every op that is not needed is returned to
    fp16. All samples are held in memory.

    Raises:
        ConversionError: the policy does not pass even with every op in fp32.
        MlparityError: the source, the samples or the policy cannot be used, or `out` cannot be written; nothing is left
            behind.
    """
    return run_tuning(source, out, inputs, policy, VerifyOptions() if options is None else options, progress)

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
    """Keep as few ops as possible in fp32 so that `policy` holds in every fp16 setting of `options`.

    Writes the package, `op_selector.py` and `tuning.json` into the folder `out`. What overflows is cured first; then
    ops are added in the order of what they carry, and taken away again while the policy holds. All samples are held
    in memory.

    Raises:
        ConversionError: the policy does not hold even with every op in fp32.
        MlparityError: bad input, or no place to write; nothing is left behind.
    """
    return run_tuning(source, out, inputs, policy, VerifyOptions() if options is None else options, progress)

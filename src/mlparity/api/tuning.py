"""`tune`: the smallest set of ops to keep in fp32, or the smallest package, with which a policy holds."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from mlparity.core.boundary import typed_errors
from mlparity.core.progress import Progress, silent
from mlparity.record.compression_tuning import CompressionTuning
from mlparity.record.policy import Policy
from mlparity.record.tuning import Tuning
from mlparity.verification.compression_tuning import run_compression_tuning
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
        MlparityError: source, samples or policy cannot be used, or `out` not be written; nothing is left behind.
    """
    return run_tuning(source, out, inputs, policy, VerifyOptions() if options is None else options, progress)


@typed_errors
def tune_compression(
    source: str | nn.Module,
    out: str | Path,
    inputs: Inputs = None,
    policy: str | Policy = "task",
    options: VerifyOptions | None = None,
    progress: Progress = silent,
) -> CompressionTuning:
    """Find the smallest package whose compressed weights pass `policy` in every fp16 setting of `options`.

    Each weight is stored in a way of its own. Half of the samples are searched on, every second one, and the package
    has to pass on the other half too. The package, the one that it is made of, `compress.py`, `compression.html` and
    `compression.json` are written into the folder `out`; `best` is None where no smaller package passes.

    Raises:
        MlparityError: source, samples or policy cannot be used, or `out` not be written; nothing is left behind.
    """
    chosen = VerifyOptions() if options is None else options
    return run_compression_tuning(source, out, inputs, policy, chosen, progress)

"""`verify`: is a conversion faithful, on which compute units, and why not."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from mlparity.core.boundary import typed_errors
from mlparity.core.progress import Progress, silent
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from mlparity.verification.options import VerifyOptions
from mlparity.verification.sources import Inputs
from mlparity.verification.verify import run_verification


@typed_errors
def verify(
    source: str | nn.Module,
    out: str | Path,
    inputs: Inputs = None,
    policy: str | Policy = "consistency",
    options: VerifyOptions | None = None,
    progress: Progress = silent,
) -> Record:
    """Convert a PyTorch model, compare every setting with it, and write record, report and artifacts into `out`.

    `source` is a module or a name: `package.module:factory`, `file.py:factory`, or a .pt2 or TorchScript file. `inputs`
    is a folder, a file, a `module:function` generator, a `SampleSet`, or a list of samples, each of which maps input
    names to arrays, or is a list of such steps, over which a state is carried. Without `inputs`, random ones are drawn.
    `policy` says which differences are acceptable.

    A long verification keeps its progress in the folder `OUT.resume`; the same call continues from it.

    Raises:
        MlparityError: bad input, a source that cannot be run, or no space to write; nothing else is left behind.
    """
    return run_verification(source, out, inputs, policy, VerifyOptions() if options is None else options, progress)

"""`locate`: which ops of an artifact carry its difference from the source, and why."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from mlparity.core.boundary import typed_errors
from mlparity.core.progress import Progress, silent
from mlparity.core.words import ComputeUnit
from mlparity.record.causes import Cause
from mlparity.verification.location import locate_ops
from mlparity.verification.options import VerifyOptions
from mlparity.verification.sources import Inputs


@typed_errors
def locate(
    artifact: str | Path,
    inputs: Inputs = None,
    source: str | nn.Module | None = None,
    unit: ComputeUnit = ComputeUnit.ALL,
    options: VerifyOptions | None = None,
    progress: Progress = silent,
) -> Cause:
    """Find out why an artifact differs, and which ops contribute most.

    With `source` the artifact is compared with the PyTorch model, and ops are also named by its modules and lines.
    Without it the arithmetic of `unit` is compared with exact arithmetic on the same graph; errors of the conversion
    then do not show, and the artifact has to be one that our engine runs, an `.mlpackage`.

    Raises:
        MlparityError: the artifact, the samples or the source cannot be used.
    """
    return locate_ops(Path(artifact), inputs, source, unit, VerifyOptions() if options is None else options, progress)

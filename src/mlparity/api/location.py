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
    """Return why an `.mlpackage` differs, with the ops that carry most of it.

    With a `source` the difference is from it, and ops are named by the source's modules and lines too. Without one it
    is that of the numerics of `unit` from wide arithmetic on the same graph: faults of a conversion do not show.

    Raises:
        MlparityError: the artifact, the samples or the source cannot be used.
    """
    return locate_ops(Path(artifact), inputs, source, unit, VerifyOptions() if options is None else options, progress)

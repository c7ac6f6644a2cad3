"""`run_artifact`: an artifact on samples, its outputs saved in one file with where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mlparity.core.boundary import typed_errors
from mlparity.core.progress import Progress, silent
from mlparity.core.words import ComputeUnit
from mlparity.targets.target import RuntimeOptions
from mlparity.verification.running import Making, save_outputs


@typed_errors
def run_artifact(
    artifact: Path,
    inputs: str,
    out: Path,
    preprocess: str | None = None,
    unit: ComputeUnit = ComputeUnit.ALL,
    progress: Progress = silent,
    runtime: RuntimeOptions | None = None,
    *,
    limit: int | None = None,
    carry: Mapping[str, str] = MappingProxyType({}),
    function: str = "",
) -> int:
    """Run an artifact on samples, save its outputs in the .npz file `out`, and return the number of samples.

    `limit` takes the first samples. `carry` maps an output to the input that it feeds in the next sample. An array file
    with several rows is cut where the artifact takes one row at a time. `function` names one of several functions.

    Each output is stored under "SAMPLE/OUTPUT". The file also tells the artifact, setting, runtime, machine and
    samples, and the time of each prediction.

    Raises:
        MlparityError: the artifact or the samples cannot be used, or `out` cannot be written.
    """
    return save_outputs(artifact, out, Making(inputs, preprocess, unit, runtime, limit, carry, function), progress)

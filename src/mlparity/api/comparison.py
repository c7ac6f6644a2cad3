"""Outputs of artifacts: saved in a file, and compared with others, saved before or made here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mlparity.compare.verdict import Judgement
from mlparity.core.boundary import typed_errors
from mlparity.core.progress import Progress, silent
from mlparity.core.words import ComputeUnit
from mlparity.record.comparison import Comparison
from mlparity.record.figures import OutputFigures
from mlparity.record.policy import Policy
from mlparity.targets.target import RuntimeOptions
from mlparity.verification.comparing import compare_and_write, compare_pair
from mlparity.verification.running import Making, save_outputs

__all__ = ["Comparison", "Making", "compare_files", "compare_outputs", "run_artifact"]


@typed_errors
def compare_outputs(
    first: Path,
    second: Path,
    policy: str | Policy = "consistency",
    inputs: str | None = None,
    preprocess: str | None = None,
    unit: ComputeUnit = ComputeUnit.ALL,
    progress: Progress = silent,
    runtime: RuntimeOptions | None = None,
    functions: tuple[str, str] = ("", ""),
) -> tuple[tuple[OutputFigures, ...], Judgement]:
    """Compare two files of saved outputs, and return the figures of each output and the verdict.

    `first` is the reference. The files are .npz, .npy or .safetensors. An artifact may be given instead of a file: it
    is run on `inputs`, of several functions the one that `functions` names for it. Samples are paired by name; a single
    sample is paired with a single one. They are compared one at a time, as `verify` does. The verdict is `unknown` if
    only one side has a sample, or only `second` has an output. It is `fail` if `second` lacks an output, or has it in
    another shape.

    Raises:
        InputError: a file cannot be read, `inputs` are given without an artifact, or an artifact without `inputs`.
        PolicyError: the policy is unknown or not valid, or a metric of it fails.
        MlparityError: an artifact or the samples cannot be used.
    """
    making = Making(inputs, preprocess, unit, runtime, function=functions[0], other_function=functions[1])
    compared = compare_pair(first, second, policy, making, progress)
    return compared.outputs, Judgement(compared.verdict, compared.reasons)


@typed_errors
def compare_files(
    first: Path, second: Path, policy: str | Policy, how: Making, progress: Progress = silent, out: Path | None = None
) -> Comparison:
    """Compare two files of saved outputs, as `compare_outputs` does, with all that is shown of it.

    With `out`, the comparison is written into that folder as JSON, Markdown, HTML and JUnit XML.

    Raises:
        MlparityError: as in `compare_outputs`, or `out` holds something else or cannot be written.
    """
    return compare_and_write(first, second, policy, how, progress, out)


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

"""`compare_outputs`: two sets of outputs, saved before or made here by artifacts."""

from __future__ import annotations

from pathlib import Path

from mlparity.compare.verdict import Judgement
from mlparity.core.boundary import typed_errors
from mlparity.core.progress import Progress, silent
from mlparity.core.words import ComputeUnit
from mlparity.record.figures import OutputFigures
from mlparity.record.policy import Policy
from mlparity.targets.target import RuntimeOptions
from mlparity.verification.comparing import Compared, Making, compare_pair

__all__ = ["Compared", "Making", "compare_files", "compare_outputs"]


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
) -> tuple[tuple[OutputFigures, ...], Judgement]:
    """Return the figures and the verdict of `compare_files`."""
    compared = compare_pair(first, second, policy, Making(inputs, preprocess, unit, runtime), progress)
    return compared.outputs, compared.judgement


@typed_errors
def compare_files(
    first: Path, second: Path, policy: str | Policy, making: Making, progress: Progress = silent
) -> Compared:
    """Compare two .npz, .npy or .safetensors files of outputs; `first` is the reference.

    In the place of a file there may be an artifact, which is run. Samples pair by name, a lone one with a lone one,
    and are compared one at a time, as `verify` does it. A sample that one side alone has, or an output that only the
    second has, makes the verdict `unknown`; an output that the second lacks, or has in another shape, fails.

    Raises:
        InputError: a file cannot be read, or there are `inputs` for no artifact, or an artifact without them.
        PolicyError: a policy that is unknown or not valid, or a metric of it that fails.
        MlparityError: an artifact or the samples cannot be used.
    """
    return compare_pair(first, second, policy, making, progress)

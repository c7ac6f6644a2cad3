"""Two sets of outputs, saved before or made here by artifacts, compared."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mlparity.api.artifacts import SUFFIXES
from mlparity.api.options import RuntimeOptions
from mlparity.api.run import run_artifact
from mlparity.compare.comparer import Comparer
from mlparity.compare.policy_file import load_policy
from mlparity.compare.user_metric import load_metric
from mlparity.compare.verdict import Judgement, judge
from mlparity.core.boundary import typed_errors
from mlparity.core.errors import InputError
from mlparity.core.progress import Progress, silent
from mlparity.core.record import OutputFigures
from mlparity.core.words import ComputeUnit
from mlparity.samples.arrays import READERS, read_arrays


@typed_errors
def compare_outputs(
    first: Path,
    second: Path,
    policy: str = "consistency",
    inputs: str | None = None,
    preprocess: str | None = None,
    unit: ComputeUnit = ComputeUnit.ALL,
    progress: Progress = silent,
    runtime: RuntimeOptions | None = None,
) -> tuple[tuple[OutputFigures, ...], Judgement]:
    """Compare two .npz, .npy or .safetensors files of outputs; `first` is the reference.

    In the place of a file there may be an artifact: it is run on `inputs`, as `run_artifact` does it.

    Raises:
        InputError: a file cannot be read, or there are `inputs` for no artifact, or an artifact without them.
        PolicyError: an unknown policy.
        MlparityError: an artifact or the samples cannot be used.
    """
    limits = load_policy(policy)
    _check_inputs((first, second), inputs)
    comparer = Comparer(tasks=limits.tasks, metrics=tuple(load_metric(metric) for metric in limits.metrics))

    def outputs_of(path: Path) -> Mapping[str, np.ndarray]:
        if inputs is None or path.suffix not in SUFFIXES:
            return _saved(path)
        with tempfile.TemporaryDirectory() as folder:
            saved = Path(folder) / "outputs.npz"
            run_artifact(path, inputs, saved, preprocess, unit, progress, runtime)
            return _saved(saved)

    comparer.add(first.name, outputs_of(first), outputs_of(second))
    figures = comparer.result()
    return figures, judge(limits, figures, (), comparer.problems, comparer.task_figures)


def _check_inputs(paths: tuple[Path, ...], inputs: str | None) -> None:
    artifacts = [path for path in paths if path.suffix in SUFFIXES]
    if artifacts and inputs is None:
        raise InputError(
            "an artifact is compared by what it predicts, and there are no inputs",
            where=str(artifacts[0]),
            next_step="name the samples with --inputs, or compare saved outputs",
        )
    if inputs is not None and not artifacts:
        raise InputError(
            "inputs belong to an artifact, and both files are saved outputs",
            found=inputs,
            expected=f"at least one of {', '.join(SUFFIXES)}",
            next_step="leave --inputs out",
        )


def _saved(path: Path) -> Mapping[str, np.ndarray]:
    if not path.is_file() or path.suffix not in READERS:
        raise InputError(
            "neither a file of outputs nor an artifact",
            where=str(path),
            expected=", ".join((*READERS, *SUFFIXES)),
            next_step="check the path",
        )
    return read_arrays(path, "output")

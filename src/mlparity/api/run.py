"""An artifact run on samples, its outputs saved in one file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from mlparity.api.artifacts import SUFFIXES
from mlparity.api.rows import open_session
from mlparity.api.samples import choose_samples
from mlparity.backends.checked import run_checked
from mlparity.core.errors import FormatError, InputError, OutputError
from mlparity.core.progress import Progress, silent
from mlparity.core.words import ComputeUnit, Precision, Setting, Target


def run_artifact(
    artifact: Path,
    inputs: str,
    out: Path,
    preprocess: str | None = None,
    unit: ComputeUnit = ComputeUnit.ALL,
    progress: Progress = silent,
) -> int:
    """Run `artifact` on the samples of `inputs`, save "sample/output" to array in the .npz file `out`.

    Returns the number of samples. All outputs are held in memory until the end.

    Raises:
        MlparityError: the artifact or the samples cannot be used, or `out` cannot be written.
    """
    target = SUFFIXES.get(artifact.suffix)
    if target is None or not artifact.exists():
        raise FormatError(
            "no such artifact", where=str(artifact), expected=", ".join(SUFFIXES), next_step="check the path"
        )
    if out.suffix != ".npz":
        raise InputError("outputs are saved as .npz", found=str(out), next_step="name a file that ends in .npz")
    setting = Setting(target, Precision.FP32, unit if target is Target.COREML else None)
    session = open_session(artifact, setting)
    try:
        names = tuple(spec.name for spec in session.signature.inputs)
        samples = choose_samples(inputs, names, preprocess=preprocess)
        saved: dict[str, np.ndarray] = {}
        for place, (name, sample) in enumerate(samples):
            progress("run", place, len(samples))
            saved.update({f"{name}/{key}": value for key, value in run_checked(session, sample).items()})
    finally:
        session.close()
    _save(out, saved)
    return len(samples)


def _save(out: Path, arrays: dict[str, np.ndarray]) -> None:
    beside = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy types the names of arrays as options
        beside.replace(out)
    except OSError as error:
        raise OutputError("the outputs could not be written", where=str(out), found=str(error)) from error
    finally:
        beside.unlink(missing_ok=True)

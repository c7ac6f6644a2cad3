"""An artifact run on samples, its outputs saved in one file with where they come from."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from mlparity import __version__
from mlparity.api.artifacts import kind_of
from mlparity.api.options import RuntimeOptions
from mlparity.api.rows import open_session
from mlparity.api.samples import choose_samples
from mlparity.backends import coreml
from mlparity.backends.checked import run_checked
from mlparity.core.boundary import typed_errors
from mlparity.core.errors import InputError
from mlparity.core.progress import Progress, silent
from mlparity.core.session import SampleSet, Session
from mlparity.core.words import ComputeUnit, Setting, Standing, Target
from mlparity.record.outputs import OutputsHeader, OutputsWriter, writing_outputs
from mlparity.record.package import artifact_sha256
from mlparity.samples.digest import digest


@typed_errors
def run_artifact(
    artifact: Path,
    inputs: str,
    out: Path,
    preprocess: str | None = None,
    unit: ComputeUnit = ComputeUnit.ALL,
    progress: Progress = silent,
    runtime: RuntimeOptions | None = None,
) -> int:
    """Run `artifact` on the samples of `inputs`, save "sample/output" to array in the .npz file `out`.

    The file also says which artifact, setting, runtime, machine and samples these are, and how long each prediction
    took. Returns the number of samples.

    Raises:
        MlparityError: the artifact or the samples cannot be used, or `out` cannot be written.
    """
    target, precision = kind_of(artifact)
    place = out.absolute()  # the user's code may change the current folder
    if out.suffix != ".npz":
        raise InputError("outputs are saved as .npz", found=str(out), next_step="name a file that ends in .npz")
    setting = Setting(target, precision, unit if target is Target.COREML else None)
    session = open_session(artifact, setting, runtime=runtime)
    try:
        names = tuple(spec.name for spec in session.signature.inputs)
        samples = choose_samples(inputs, names, preprocess=preprocess, progress=progress)
        with writing_outputs(place) as writer:
            seconds = _run(session, samples, writer, progress)
            writer.close_with(_header(artifact, setting, session.runtime, samples, seconds))
    finally:
        session.close()
    return len(samples)


def _run(session: Session, samples: SampleSet, writer: OutputsWriter, progress: Progress) -> tuple[float, ...]:
    seconds = []
    for place, (name, sample) in enumerate(samples):
        progress("run", place, len(samples))
        started = time.perf_counter()
        outputs = run_checked(session, sample)
        seconds.append(time.perf_counter() - started)
        writer.add(name, outputs)
    progress("run", len(samples), len(samples))
    return tuple(seconds)


def _header(
    artifact: Path, setting: Setting, runtime: str, samples: SampleSet, seconds: tuple[float, ...]
) -> OutputsHeader:
    return OutputsHeader(
        artifact_sha256=artifact_sha256(artifact),
        setting=str(setting),
        standing=coreml.plain_standing(artifact) if setting.target is Target.COREML else Standing.MEASURED,
        runtime=runtime,
        platform=_machine(),
        samples_sha256=digest(samples),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        mlparity_version=__version__,
        seconds=seconds,
    )


def _machine() -> str:
    """Return the system and its version, and on macOS the chip: its name decides how Core ML calculates."""
    if sys.platform != "darwin":
        return f"{platform.system()} {platform.release()} {platform.machine()}"
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  the system's own
    return f"macOS {platform.mac_ver()[0]} {asked.stdout.strip() or platform.machine()}"

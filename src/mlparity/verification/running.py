"""An artifact run on samples, its outputs saved in one file with where they come from."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from mlparity import __version__
from mlparity.core.errors import InputError
from mlparity.core.progress import Progress
from mlparity.core.session import SampleSet, Session
from mlparity.core.words import ComputeUnit, Provenance, Setting
from mlparity.record.outputs import OutputsHeader, OutputsWriter, writing_outputs
from mlparity.samples.digest import digest
from mlparity.sessions.checked import run_checked
from mlparity.targets.artifacts import artifact_sha256, kind_of
from mlparity.targets.table import target_named
from mlparity.targets.target import Opening, RuntimeOptions
from mlparity.verification.samples import choose_samples


def save_outputs(
    artifact: Path,
    inputs: str,
    out: Path,
    preprocess: str | None,
    unit: ComputeUnit,
    progress: Progress,
    runtime: RuntimeOptions | None,
) -> int:
    """Run `artifact` and save its outputs as `mlparity.run_artifact` says; return the number of samples.

    Raises:
        MlparityError: the artifact or the samples cannot be used, or `out` cannot be written.
    """
    setting = _setting(artifact, unit)
    path = out.absolute()  # the user's code may change the current folder
    if out.suffix != ".npz":
        raise InputError("outputs are saved as .npz", found=str(out), next_step="name a file that ends in .npz")
    opening = Opening(setting.compute_unit, runtime=RuntimeOptions() if runtime is None else runtime)
    session = target_named(setting.target).open_artifact(artifact, opening)
    try:
        names = tuple(spec.name for spec in session.signature.inputs)
        samples = choose_samples(inputs, names, preprocess=preprocess, progress=progress)
        with writing_outputs(path) as writer:
            seconds = _run(session, samples, writer, progress)
            writer.close_with(_header(artifact, setting, session.runtime, samples, seconds))
    finally:
        session.close()
    return len(samples)


def _run(session: Session, samples: SampleSet, writer: OutputsWriter, progress: Progress) -> tuple[float, ...]:
    seconds = []
    for index, (name, sample) in enumerate(samples):
        progress("run", index, len(samples))
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
        provenance=_provenance(artifact, setting),
        runtime=runtime,
        platform=_machine(),
        samples_sha256=digest(samples),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        mlparity_version=__version__,
        seconds=seconds,
    )


def _setting(artifact: Path, unit: ComputeUnit) -> Setting:
    """Return the setting that the artifact is run in: with the compute units unless its target has it without them."""
    name, precision = kind_of(artifact)
    target, plain = target_named(name), Setting(name, precision)
    return plain if plain in (*target.settings, *target.extra_settings) else Setting(name, precision, unit)


def _provenance(artifact: Path, setting: Setting) -> Provenance:
    engine = target_named(setting.target).engine
    return Provenance.MEASURED if engine is None else engine.plain_provenance(artifact)


def _machine() -> str:
    """Return the system and its version, and on macOS the chip: its name decides how Core ML calculates."""
    if sys.platform != "darwin":
        return f"{platform.system()} {platform.release()} {platform.machine()}"
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  the system's own
    return f"macOS {platform.mac_ver()[0]} {asked.stdout.strip() or platform.machine()}"

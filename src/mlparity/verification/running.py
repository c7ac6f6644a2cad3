"""An artifact run on samples, its outputs saved in one file with where they come from."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from mlparity import __version__
from mlparity.core.errors import InputError
from mlparity.core.progress import Progress
from mlparity.core.session import SampleSet, Session, Signature, TensorSpec
from mlparity.core.words import ComputeUnit, Provenance, Setting
from mlparity.record.outputs import OutputsHeader, OutputsWriter, writing_outputs
from mlparity.samples.arrays import ArraySamples
from mlparity.samples.digest import digest
from mlparity.sessions.carrying import CarryingSession
from mlparity.sessions.checked import run_checked
from mlparity.targets.artifacts import artifact_sha256, kind_of
from mlparity.targets.one_model import one_model
from mlparity.targets.table import target_named
from mlparity.targets.target import Opening, RuntimeOptions
from mlparity.verification.alone import begins, states_of
from mlparity.verification.pixels import pixels_for
from mlparity.verification.samples import choose_samples


@dataclass(frozen=True, slots=True)
class Making:
    """How the outputs of an artifact are made: on which inputs, and as `run_artifact` takes the rest.

    `function` names the model of a file with several, "" the default one; of a pair of artifacts the second has
    `other_function`.
    """

    inputs: str | None = None
    preprocess: str | None = None
    unit: ComputeUnit = ComputeUnit.ALL
    runtime: RuntimeOptions | None = None
    limit: int | None = None
    carry: Mapping[str, str] = field(default_factory=dict)
    function: str = ""
    other_function: str = ""

    @property
    def of_other(self) -> Making:
        """How the outputs of the second artifact of a pair are made."""
        return replace(self, function=self.other_function)


def save_outputs(artifact: Path, out: Path, making: Making, progress: Progress) -> int:
    """Run `artifact` and save its outputs as `mlparity.run_artifact` says; return the number of samples.

    Raises:
        MlparityError: the artifact or the samples cannot be used, or `out` cannot be written.
    """
    path = out.absolute()  # the user's code may change the current folder
    if out.suffix != ".npz":
        raise InputError("outputs are saved as .npz", found=str(out), next_step="name a file that ends in .npz")
    with one_model(artifact, making.function) as model:
        return _saved(model.path, path, making, progress)


def _saved(artifact: Path, path: Path, making: Making, progress: Progress) -> int:
    setting = _setting(artifact, making.unit)
    opening = Opening(setting.compute_unit, runtime=RuntimeOptions() if making.runtime is None else making.runtime)
    session = target_named(setting.target).open_artifact(artifact, opening)
    try:
        samples = pixels_for(artifact, _samples(session.signature, making, progress))
        with writing_outputs(path) as writer:
            seconds = _run(session, samples, making.carry, (writer, progress))
            writer.close_with(_header(artifact, setting, session.runtime, samples, seconds))
    finally:
        session.close()
    return len(samples)


def _samples(signature: Signature, making: Making, progress: Progress) -> SampleSet:
    """Return the samples; array files are cut into rows where the artifact takes one row at a time."""
    names = tuple(spec.name for spec in signature.inputs if not spec.is_state)
    samples = choose_samples(making.inputs, names, preprocess=making.preprocess, limit=making.limit, progress=progress)
    if not isinstance(samples, ArraySamples):
        return samples
    _, first = next(iter(samples))
    given = [spec for spec in signature.inputs if not spec.is_state]
    is_cut = bool(first) and not samples.has_steps and all(_is_batch(first.get(spec.name), spec) for spec in given)
    return replace(samples, rows=True, description=f"{samples.description}, cut into rows") if is_cut else samples


def _is_batch(array: np.ndarray | None, spec: TensorSpec) -> bool:
    """Tell whether an array holds several of the one row that an input takes."""
    if array is None or not spec.shape or spec.shape[0] != 1 or array.ndim != len(spec.shape):
        return False
    fits = all(size in (None, length) for size, length in zip(spec.shape[1:], array.shape[1:], strict=True))
    return fits and len(array) > 1


def _run(
    session: Session, samples: SampleSet, carry: Mapping[str, str], to: tuple[OutputsWriter, Progress]
) -> tuple[float, ...]:
    own, (writer, progress), seconds = states_of(session), to, []
    carrying = CarryingSession(session, {**own, **carry})
    for index, (name, sample) in enumerate(samples):
        progress("run", index, len(samples))
        if begins(samples, name, is_own=bool(own)):
            carrying.reset()
        started = time.perf_counter()
        outputs = run_checked(carrying, sample)
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

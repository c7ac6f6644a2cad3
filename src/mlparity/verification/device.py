"""Outputs that a device saved, as runs beside the others: only of the artifact and the samples that are verified."""

from __future__ import annotations

from pathlib import Path

from mlparity.compare.comparer import Comparer
from mlparity.core.errors import InputError
from mlparity.core.session import SampleSet
from mlparity.core.words import Provenance, Setting
from mlparity.record.outputs import OutputsHeader, read_header
from mlparity.record.record import Artifact
from mlparity.samples.digest import digest
from mlparity.samples.load import load_samples
from mlparity.sessions import recorded
from mlparity.targets.table import settings_from
from mlparity.verification.artifacts import Made
from mlparity.verification.job import Job
from mlparity.verification.runs import Run


def device_runs(job: Job, made: Made) -> tuple[Run, ...]:
    """Return a run for each file that `mlparity run` wrote; its outputs are held in memory.

    Raises:
        FormatError: a file is not of that form.
        InputError: it was not measured, or is of another artifact or of other samples.
    """
    files = job.options.device_outputs
    verified = digest(job.samples) if files else ""
    return tuple(_run(path, job.samples, verified, made, job.comparer()) for path in files)


def _run(path: Path, samples: SampleSet, verified: str, made: Made, comparer: Comparer) -> Run:
    header = read_header(path)
    if header.provenance is not Provenance.MEASURED:
        raise InputError(
            "the saved outputs are not a device's",
            where=str(path),
            found=f"{header.provenance} by {header.runtime} on {header.platform}",
            expected="outputs that Core ML or another real runtime gave",
            next_step="run `mlparity run` on a Mac; what is emulated here is in the table without such a file",
        )
    setting = settings_from((header.setting,))[0]
    artifact = _artifact(path, header, setting, made)
    if header.samples_sha256 != verified:
        raise InputError(
            "the saved outputs are of other samples",
            where=str(path),
            found=f"samples {header.samples_sha256}",
            expected=verified,
            next_step="give the same --inputs and --preprocess to `mlparity run` and to `mlparity verify`",
        )
    session = recorded.open(load_samples(path, finite=False), samples)
    return Run((setting,), artifact, session, Provenance.MEASURED, comparer, saved=header)


def _artifact(path: Path, header: OutputsHeader, setting: Setting, made: Made) -> Artifact:
    artifact = made.find(setting)
    if artifact is not None and artifact.sha256 == header.artifact_sha256:
        return artifact
    raise InputError(
        "the saved outputs are of another artifact",
        where=str(path),
        found=f"{setting} of {header.artifact_sha256}",
        expected="none of this precision" if artifact is None else f"{artifact.path}, {artifact.sha256}",
        next_step="verify the very file that ran on the device: --artifact PATH",
    )

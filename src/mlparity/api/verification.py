"""`verify`: convert, run source and artifacts on the same samples, compare, explain, and write the proof down."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from itertools import islice
from pathlib import Path

from torch import nn

from mlparity import __version__
from mlparity.api.artifacts import Made, make_artifacts
from mlparity.api.checked_conversion import CHECKED_SAMPLES, route_notes
from mlparity.api.device import device_runs
from mlparity.api.diagnosis import diagnose
from mlparity.api.layouts import diagnose_misfit
from mlparity.api.options import VerifyOptions
from mlparity.api.resume import Journal, Seen, key_of
from mlparity.api.rows import Rows, close_rows, compare_samples, open_rows
from mlparity.api.sources import Inputs, open_source
from mlparity.api.speed import speeds_of, with_evidence
from mlparity.api.staging import place_of, staged_folder
from mlparity.backends import torch as torch_backend
from mlparity.backends.carrying import CarryingSession
from mlparity.compare.comparer import Comparer
from mlparity.compare.decide import decide
from mlparity.compare.metrics import METRIC_INFOS
from mlparity.compare.policy_file import policy_of
from mlparity.compare.recommend import recommend
from mlparity.compare.user_metric import LoadedMetric, load_metric
from mlparity.compare.verdict import judge_all
from mlparity.core.boundary import typed_errors
from mlparity.core.decisive import decisive
from mlparity.core.policy import Policy
from mlparity.core.progress import Progress, silent
from mlparity.core.record import SCHEMA_VERSION, Record, RowState, SamplesInfo, SourceInfo
from mlparity.core.session import Sample, SampleSet, Session
from mlparity.core.source import Source
from mlparity.core.words import Target
from mlparity.diagnose.ladder import find_cause, row_to_explain
from mlparity.record.files import write_record
from mlparity.record.metadata import metadata_of, write_metadata
from mlparity.report.files import write_reports
from mlparity.report.texts import noise_of_text
from mlparity.sources.deterministic import check_deterministic

_PACKAGES = (
    *("torch", "coremltools", "numpy", "litert-torch", "ai-edge-litert", "onnxruntime"),
    *("coreai-core", "coreai-torch", "coreai-opt"),
)


@typed_errors
def verify(
    source: str | nn.Module,
    out: str | Path,
    inputs: Inputs = None,
    policy: str | Policy = "consistency",
    options: VerifyOptions | None = None,
    progress: Progress = silent,
) -> Record:
    """Verify `source` on `inputs` under `policy`, and write record, report and artifacts into the folder `out`.

    `source` is a module or a name (`package.module:factory`, `file.py:factory`, a .pt2 or TorchScript file); `inputs`
    is a folder, a file, a `module:function` generator, a `SampleSet` or a list of samples (input name to array);
    without it, random inputs are drawn.

    A call that takes long keeps its progress in the folder `OUT.resume`, and an identical call goes on from it.

    Raises:
        MlparityError: bad input, a source that cannot be verified, or no place to write; nothing else is left behind.
    """
    place = place_of(out)  # now: the user's code may change the current folder
    chosen = VerifyOptions() if options is None else options
    limits = policy_of(policy)
    # Loaded before any work begins: they are the user's own code.
    metrics = tuple(load_metric(metric) for metric in limits.metrics)
    progress("load", 0, 0)
    flat, samples = open_source(source, inputs, chosen, progress)
    first = next(iter(samples))[1]
    with staged_folder(place) as stage, references(flat, chosen) as pair:
        job = _Job(flat, samples, limits, chosen, metrics, stage)
        journal = Journal(place, _key(job, first), chosen, stage)
        with journal.telling():
            made = journal.artifacts() or make_artifacts(flat, _alike(samples, chosen), chosen, stage, progress)
            record = _compared(job, made, pair, journal, progress)
            _write(record, stage)
    journal.remove()
    return record


@dataclass(frozen=True, slots=True)
class _Job:
    """What is verified, on what, by which policy, and where the results are put."""

    source: Source
    samples: SampleSet
    policy: Policy
    options: VerifyOptions
    metrics: tuple[LoadedMetric, ...]
    stage: Path

    def comparer(self) -> Comparer:
        """Return a comparer that knows the tasks of the outputs and the user's own metrics."""
        return Comparer(class_outputs=self.options.class_outputs, tasks=self.policy.tasks, metrics=self.metrics)


def _alike(samples: SampleSet, options: VerifyOptions) -> tuple[Sample, ...]:
    """Return the first samples, of which all have the first one's shapes; where state is carried, the first alone."""
    few = [sample for _, sample in islice(samples, 1 if options.carry else CHECKED_SAMPLES)]
    shapes = [{name: array.shape for name, array in sample.items()} for sample in few]
    return tuple(sample for sample, each in zip(few, shapes, strict=True) if each == shapes[0])


def _key(job: _Job, first: Sample) -> str:
    with torch_backend.open(job.source) as plain:
        expected = check_deterministic(plain, first)
    counted = (job.policy.tasks, [(each.metric, each.sha256) for each in job.metrics])
    return key_of(job.source, job.options, counted, first, expected, _environment())


def _compared(
    job: _Job, made: Made, references: tuple[Session, Session], journal: Journal, progress: Progress
) -> Record:
    journal.begin(made)
    saved = device_runs(job.options.device_outputs, job.samples, made, job.options.carry, job.comparer)
    rows = open_rows(made, job.options, job.stage, job.source, job.comparer)
    rows.runs.extend(saved)
    try:
        seen = compare_samples(rows, job.samples, references, journal, progress)
        return _record(job, made, rows, seen)
    finally:
        close_rows(rows)


@contextmanager
def references(source: Source, options: VerifyOptions) -> Iterator[tuple[CarryingSession, CarryingSession]]:
    """Open the source in fp32 and in fp64, each with its own carried state."""
    with ExitStack() as stack:
        narrow = stack.enter_context(torch_backend.open(source))
        wide = stack.enter_context(torch_backend.open(source, double=True))
        yield CarryingSession(narrow, options.carry), CarryingSession(wide, options.carry)


def _record(job: _Job, made: Made, rows: Rows, seen: Seen) -> Record:
    source, samples, policy = job.source, job.samples, job.policy
    noise = rows.noise()
    results, rungs = rows.results(policy, noise), rows.rungs(policy, noise)
    cause = find_cause(results, noise, rungs)
    row = row_to_explain(cause, results, noise)
    found = diagnose(cause, row, job.stage, source, samples, job.options.carry)
    cause = found.cause
    if not any(each.setting.target is Target.COREML and each.state is RowState.COMPARED for each in results):
        packages = [job.stage / each.path for each in made.artifacts if each.target is Target.COREML]
        cause = diagnose_misfit(cause, packages, source, samples)
    speeds = speeds_of(rows, next(iter(samples))[1], job.stage)
    first, speaking = job.options.consistency_first, decisive(results)
    recommendation = recommend(speaking, policy, speeds=speeds, consistency_first=first)
    info = SamplesInfo(
        samples.description, seen.done, seen.sha256, tuple(seen.names), samples.warning, job.options.carry
    )
    decision = decide(source.name, speaking, policy, noise, info, speeds, recommendation, consistency_first=first)
    return Record(
        schema_version=SCHEMA_VERSION,
        mlparity_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=_environment(),
        source=SourceInfo(
            source.name, source.kind, source.location, source.parameters, source.sha256, _notes(source, rows, made)
        ),
        samples=info,
        policy=policy,
        verdict=judge_all(policy, speaking).verdict,
        artifacts=made.artifacts,
        settings=results,
        noise=noise,
        cause=cause,
        recommendation=recommendation,
        decision=with_evidence(decision),
        metrics=METRIC_INFOS,
        rungs=rungs,
        hazards=rows.hazards(),
        course=found.course,
    )


def _notes(source: Source, rows: Rows, made: Made) -> tuple[str, ...]:
    notes = (*source.notes, *route_notes(made.artifacts))
    if rows.noise_failure:
        return (*notes, f"the source's own fp32 noise is not known: {rows.noise_failure.splitlines()[0]}")
    unknown = [each for each in rows.noise() if not each.is_known]
    return (
        *notes,
        *(f"the source's own fp32 noise in {each.output} is {noise_of_text(each)}" for each in unknown),
    )


def _environment() -> dict[str, str]:
    """Return the versions that a result depends on; nothing that tells one user's machine from another's."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}", **versions}


def _write(record: Record, stage: Path) -> None:
    for artifact in record.artifacts:
        write_metadata(stage / artifact.path, metadata_of(record, artifact))
    write_record(record, stage / "record.json")
    write_reports(record, stage)

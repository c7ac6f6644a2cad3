"""`verify`: convert, run source and artifacts on the same samples, compare, explain, and write the proof down."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path

import torch
from torch import nn

from mlparity import __version__
from mlparity.compare.changes import changes_since, check_baseline
from mlparity.compare.metrics import METRIC_INFOS
from mlparity.compare.user_metric import load_metric
from mlparity.compare.verdict import judge_all
from mlparity.core.progress import Progress
from mlparity.core.session import Outputs, Sample
from mlparity.core.source import Source
from mlparity.execution.pool import Pool, workers_at
from mlparity.record.decisive import decisive
from mlparity.record.files import write_record
from mlparity.record.metadata import metadata_of
from mlparity.record.policy import Policy
from mlparity.record.record import SCHEMA_VERSION, Record, SamplesInfo, SourceInfo
from mlparity.record.rows import RowState, SettingResult
from mlparity.report.files import write_reports
from mlparity.report.node_data import write_node_data
from mlparity.report.texts import noise_of_text
from mlparity.samples.ahead import read_ahead
from mlparity.samples.check import check_sample, signature_of
from mlparity.samples.digest import sample_sha256
from mlparity.samples.images import thumbnail
from mlparity.samples.parts import has_parts
from mlparity.sessions import torch as torch_session
from mlparity.sessions.carrying import restart
from mlparity.sessions.checked import run_checked
from mlparity.sessions.torch_threads import one_thread
from mlparity.sources.deterministic import check_deterministic
from mlparity.targets.artifacts import write_metadata
from mlparity.targets.coreml.checked_conversion import route_notes
from mlparity.targets.table import target_named
from mlparity.verification.app_pictures import app_pictures
from mlparity.verification.artifacts import Made, following_artifacts, left_notes, make_artifacts, with_lone_models
from mlparity.verification.compressing import with_compressions
from mlparity.verification.decide import decided
from mlparity.verification.deploying import lowerings_of, with_deployments
from mlparity.verification.device import device_runs
from mlparity.verification.execute import Feed, Step, execute
from mlparity.verification.explain import Explained, explain_rows
from mlparity.verification.fix import check_fixable, find_fix
from mlparity.verification.golden import write_golden
from mlparity.verification.job import Job, References, open_references
from mlparity.verification.journal import Journal, Seen, key_of
from mlparity.verification.layouts import diagnose_misfit
from mlparity.verification.machine import processor, versions_for
from mlparity.verification.op_errors import graph_errors
from mlparity.verification.opening import open_runs
from mlparity.verification.options import VerifyOptions
from mlparity.verification.policies import policy_of
from mlparity.verification.records import whole_record_at
from mlparity.verification.results import hazards_of, results_of, rungs_of
from mlparity.verification.runs import Runs
from mlparity.verification.sources import Inputs, open_source
from mlparity.verification.spreading import Spread, check_can_spread
from mlparity.verification.staging import real_path_of, staged_folder

_PACKAGES = (
    *("torch", "coremltools", "numpy", "litert-torch", "ai-edge-litert", "onnxruntime"),
    *("coreai-core", "coreai-torch", "coreai-opt"),
)


def run_verification(
    source: str | nn.Module,
    out: str | Path,
    inputs: Inputs,
    policy: str | Policy,
    chosen: VerifyOptions,
    progress: Progress,
) -> Record:
    """Verify as `mlparity.verify` says.

    An exception that nobody foresaw while a difference was explained is raised once the results are in `out`.

    Raises:
        MlparityError: bad input, a source that cannot be verified, or no space to write.
    """
    folder = real_path_of(out)  # now: the user's code may change the current folder
    with with_lone_models(chosen) as lone:
        asked = with_deployments(with_compressions(following_artifacts(lone)))
        with _workers(asked) as pool:
            return _of_models(Asked(source, inputs, policy, asked), folder, pool, progress)


@contextmanager
def _workers(options: VerifyOptions) -> Iterator[Pool | None]:
    if options.ray is None:
        yield None
        return
    packages = versions_for({setting.target for setting in options.settings})
    with one_thread(), workers_at(options.ray, packages) as pool:
        yield pool


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What is to be verified, as it was asked for."""

    source: str | nn.Module
    inputs: Inputs
    policy: str | Policy
    options: VerifyOptions


def _of_models(asked: Asked, folder: Path, pool: Pool | None, progress: Progress) -> Record:
    chosen = asked.options
    limits = policy_of(asked.policy, chosen.settings)
    # Loaded before any work begins: they are the user's own code.
    metrics = tuple(load_metric(metric) for metric in limits.metrics)
    progress("load", 0, 0)
    flat, samples = open_source(asked.source, asked.inputs, chosen, progress)
    app = app_pictures(samples, chosen.artifact_preprocess)
    chosen = chosen.carrying(flat)
    baseline = None if chosen.baseline is None else whole_record_at(chosen.baseline)
    if baseline is not None:
        check_baseline(baseline, flat.name)
    if chosen.fix:
        check_fixable(flat, chosen)  # before any work
    with staged_folder(folder) as stage, open_references(flat, chosen) as references:
        job = Job(flat, samples, limits, chosen, metrics, stage, app)
        if pool is not None:
            check_can_spread(job)
        journal = Journal(folder, _key(job), chosen, stage)
        with journal.telling():
            made = journal.put_artifacts()
            if made is None:
                made = make_artifacts(flat, job.alike(), chosen, stage, progress)
            work = Work(journal, pool, progress)
            record, fault = _verified(job, made, references, work)
            if baseline is not None:
                record = replace(record, changes=changes_since(baseline, record))
            if job.options.xctest:
                record = _with_notes(record, write_golden(job, record, references.narrow, stage))
            _write(record, stage)
    journal.remove()
    if fault is not None:
        raise fault
    return record


def _key(job: Job) -> str:
    first = job.first()
    with torch_session.open(job.source) as plain:
        expected = check_deterministic(plain, first)
    given = "" if job.app is None else sample_sha256(job.given(next(iter(job.samples))[0], first))
    counted = (job.policy.tasks, [(loaded.metric, loaded.sha256) for loaded in job.metrics], given)
    return key_of(job.source, job.options, counted, first, expected, environment())


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """How the samples are run: what is written down meanwhile, the workers if there are any, and who is told."""

    journal: Journal
    pool: Pool | None
    progress: Progress


def _verified(job: Job, made: Made, references: References, work: Work) -> tuple[Record, Exception | None]:
    """Return the record, and what nobody foresaw while a difference was explained."""
    progress = work.progress
    work.journal.begin(made)
    with closing(open_runs(job, made, references, device_runs(job, made))) as runs:
        seen = _run(job, made, runs, references, work)
        results = results_of(runs, job.policy)
        progress("explain", 0, 0)
        found = _explained(job, made, runs, results, progress)
        record = _record(job, made, runs, seen, found)
    if job.options.model_explorer:
        record = _with_graph_errors(job, record, progress)
    if job.options.fix:
        record = replace(record, fix=find_fix(job, record, references, progress))
    return record, found.fault


def _with_graph_errors(job: Job, record: Record, progress: Progress) -> Record:
    found, left_out = graph_errors(job, record, progress)
    return replace(_with_notes(record, *left_out), graph_errors=found)


def _with_notes(record: Record, *notes: str) -> Record:
    """Return a record whose source has more notes; those that are "" say nothing."""
    return replace(record, source=replace(record.source, notes=(*record.source.notes, *filter(None, notes))))


def _run(job: Job, made: Made, runs: Runs, references: References, work: Work) -> Seen:
    """Run every sample that is not in the journal, and return what was seen."""
    samples, carried, journal = job.samples, frozenset(job.options.carry.values()), work.journal
    signature = signature_of(_given(job.first(), carried), job.source.lengths)
    remaining, seen = journal.resume(runs, references, samples)
    if work.pool is not None:
        spread = Spread(job, made, runs, seen, work.pool, work.progress, signature)
        spread.run(remaining, lambda: journal.keep(runs, references, seen))
        seen.notes = spread.notes
        return seen

    def checked() -> Iterator[tuple[str, Sample]]:
        for name, sample in read_ahead(remaining) if has_parts(samples) else remaining:
            check_sample(_given(sample, carried), signature, name)
            yield name, sample

    def reference(name: str, sample: Sample) -> Outputs:
        if job.begins(name):
            restart(references.narrow)
        return run_checked(references.narrow, sample)

    def count(steps: Sequence[Step]) -> None:
        for step in steps:
            seen.add(step.name, step.sample)
        journal.keep(runs, references, seen)

    feed = Feed(checked(), len(samples), seen.done, partial(thumbnail, samples), job.begins, job.given)
    execute(feed, reference, runs.observers(), work.progress, count, runs.block)
    runs.rest()
    return seen


def _given(sample: Sample, carried: frozenset[str]) -> Sample:
    """Return the sample without the inputs that an earlier output feeds."""
    return {name: array for name, array in sample.items() if name not in carried}


def _record(job: Job, made: Made, runs: Runs, seen: Seen, found: Explained) -> Record:
    source, samples, policy, noise = job.source, job.samples, job.policy, runs.noise.result()
    results = found.rows
    info = SamplesInfo(
        samples.description, seen.done, seen.sha256, tuple(seen.names), samples.warning, job.options.carry
    )
    recommendation, decision = decided(job, runs, results, noise)
    app = () if job.app is None else (job.app.note,)
    notes = (*_notes(source, runs, made), *_label_notes(results), *app, *left_notes(made.artifacts), *seen.notes)
    return Record(
        schema_version=SCHEMA_VERSION,
        mlparity_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=environment(),
        source=SourceInfo(source.name, source.kind, source.location, source.parameters, source.sha256, notes),
        samples=info,
        policy=policy,
        verdict=judge_all(policy, decisive(results)).verdict,
        artifacts=made.artifacts,
        settings=results,
        noise=noise,
        cause=found.cause,
        recommendation=recommendation,
        decision=decision,
        metrics=METRIC_INFOS,
        rungs=rungs_of(runs, policy),
        hazards=hazards_of(runs),
        drift=found.drift,
        explanation_failure=found.failure,
        unfinished=found.unfinished,
        lowerings=lowerings_of(made.artifacts, job.stage),
    )


def _explained(job: Job, made: Made, runs: Runs, results: tuple[SettingResult, ...], progress: Progress) -> Explained:
    found = explain_rows(job, runs, results, progress)
    ours = [artifact for artifact in made.artifacts if target_named(artifact.target).engine is not None]
    compared = {row.artifact for row in results if row.state is RowState.COMPARED}
    if any(artifact.path in compared for artifact in ours):
        return found
    cause = diagnose_misfit(found.cause, [job.stage / artifact.path for artifact in ours], job.source, job.samples)
    return replace(found, cause=cause)


def _notes(source: Source, runs: Runs, made: Made) -> tuple[str, ...]:
    notes = (*source.notes, *route_notes(made.artifacts))
    if runs.noise.failure:
        return (*notes, f"the source's own fp32 noise is not known: {runs.noise.failure.splitlines()[0]}")
    unknown = [noise for noise in runs.noise.result() if not noise.is_known]
    return (
        *notes,
        *(f"the source's own fp32 noise in {noise.output} is {noise_of_text(noise)}" for noise in unknown),
    )


def _label_notes(results: Sequence[SettingResult]) -> tuple[str, ...]:
    """Say why the folders of the samples gave no labels, once."""
    labels = (output.labels for row in results for output in row.outputs)
    unused = dict.fromkeys(found.unused for found in labels if found is not None and found.unused)
    return tuple(f"no accuracy is told: {reason}; give --class-names FILE" for reason in unused)


def environment() -> dict[str, str]:
    """Return what a result depends on, to the last bit; nothing that tells one user's machine from another's."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    here = {"python": platform.python_version(), "platform": f"{sys.platform} {platform.machine()}"}
    return {**here, "processor": processor(), "threads": str(torch.get_num_threads()), **versions}


def _write(record: Record, stage: Path) -> None:
    for artifact in record.artifacts:
        write_metadata(stage / artifact.path, metadata_of(record, artifact))
    write_record(record, stage / "record.json")
    write_reports(record, stage)
    write_node_data(record, stage)

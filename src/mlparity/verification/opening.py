"""Planned runs, opened; one that does not open is a run with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from random import Random

from mlparity.core.errors import MlparityError
from mlparity.core.session import Session
from mlparity.core.steps import has_steps
from mlparity.diagnose.ranges import Ranges
from mlparity.sessions.carrying import CarryingSession
from mlparity.sessions.on_demand import OnDemandSession
from mlparity.targets.table import target_named
from mlparity.targets.target import Opening
from mlparity.verification.artifacts import Made
from mlparity.verification.budget import EMULATED, PLAIN, WIDE, block_size, kept_open, weight_bytes
from mlparity.verification.job import Job, References
from mlparity.verification.plan import Emulations, Plan, PlannedRun, plan_runs, read_emulations
from mlparity.verification.runs import Run, Runs, SourceNoise, Watch


def open_runs(
    job: Job, made: Made, references: References, saved: tuple[Run, ...] = (), *, is_watched: bool = True
) -> Runs:
    """Open what the settings of a job need of its artifacts, beside runs that were saved elsewhere."""
    emulations = read_emulations(made, job.options, job.stage)
    plan = plan_runs(made, job.options, emulations)
    if not is_watched:
        plan = replace(plan, watched=(), runs=tuple(run for run in plan.runs if run.settings))
    kept, *keeps = kept_open(_needs(plan, job), job.options.open_bytes)
    runs = [_opened(planned, job, keep) for planned, keep in zip(plan.runs, keeps, strict=False)]
    watches = tuple(_watches(plan, emulations, job, keeps[len(runs) :]))
    noise = SourceNoise(references.wide, stays_open=kept, chosen=_chosen(job))
    return Runs(plan, (*runs, *saved), watches, noise, block_size((kept, *keeps)))


def _chosen(job: Job) -> frozenset[int] | None:
    """Return the numbers of the samples that the source in fp64 runs; None for all: state goes through each of them."""
    total, most = len(job.samples), job.options.noise_samples
    if total <= most or job.options.carry or has_steps(job.samples):
        return None
    return frozenset(Random(0).sample(range(total), most))  # noqa: S311 - which samples they are is no secret


def _needs(plan: Plan, job: Job) -> list[int]:
    """Return what the source in fp64 takes, then each run, then each watch."""
    runs = (PLAIN if planned.variant is None else EMULATED for planned in plan.runs)
    return [each * weight_bytes(job.source) for each in (WIDE, *runs, *(PLAIN for _ in plan.watched))]


def _opened(planned: PlannedRun, job: Job, keep: bool) -> Run:
    run = Run(planned.settings, planned.artifact, None, planned.provenance, job.comparer(), planned.variant)
    run.stays_open = keep
    try:
        inner = OnDemandSession(partial(_session, planned, job))
        run.session = carrying(inner, job)
        run.note = _STORED if any(spec.is_state for spec in inner.signature.inputs) else ""
    except MlparityError as error:
        run.failure = str(error)
    run.rest()
    return run


_STORED = "state fp16"
"""How a Core ML model stores its own state, whatever its ops are. Source: coremltools 9.0, `StateType`."""


def carrying(session: Session, job: Job) -> CarryingSession:
    """Return an artifact's session with its state; one that the source has and it lacks is an output that it lacks."""
    known = {spec.name for spec in session.signature.inputs}
    own = job.source.carry
    carry = {output: name for output, name in job.options.carry.items() if name in known or output not in own}
    return CarryingSession(session, carry, job.source.initial)


def _session(planned: PlannedRun, job: Job) -> Session:
    target, path = target_named(planned.artifact.target), job.stage / planned.artifact.path
    opening = Opening(planned.unit, job.source.input_names, job.source.output_names, job.options.runtime)
    if target.engine is not None:
        return target.engine.open_variant(path, opening, planned.variant)
    return target.open_artifact(path, opening)


def _watches(plan: Plan, emulations: Emulations, job: Job, keeps: Sequence[bool]) -> Iterator[Watch]:
    """Yield the watch of each artifact; none of one that does not open, whose rows say so."""
    for artifact, keep in zip(plan.watched, keeps, strict=True):
        emulation, engine = emulations[artifact.path], target_named(artifact.target).engine
        if isinstance(emulation, MlparityError) or engine is None:
            continue
        ranges = Ranges()
        try:
            open_watched = partial(engine.watch, job.stage / artifact.path, job.source.input_names, ranges)
            session = OnDemandSession(open_watched)
        except MlparityError:
            continue
        watch = Watch(artifact, emulation.function(), carrying(session, job), ranges, stays_open=keep)
        watch.rest()
        yield watch

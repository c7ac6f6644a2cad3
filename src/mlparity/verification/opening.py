"""Planned runs, opened; one that does not open is a run with the reason."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.core.errors import MlparityError
from mlparity.core.session import Session
from mlparity.diagnose.ranges import Ranges
from mlparity.sessions.carrying import CarryingSession
from mlparity.targets.table import target_named
from mlparity.targets.target import Opening
from mlparity.verification.artifacts import Made
from mlparity.verification.job import Job, References
from mlparity.verification.plan import Emulations, Plan, PlannedRun, plan_runs, read_emulations
from mlparity.verification.runs import Run, Runs, SourceNoise, Watch


def open_runs(job: Job, made: Made, references: References, saved: tuple[Run, ...] = ()) -> Runs:
    """Open what the settings of a job need of its artifacts, beside runs that were saved elsewhere."""
    emulations = read_emulations(made, job.options, job.stage)
    plan = plan_runs(made, job.options, emulations)
    runs = [_opened(planned, job) for planned in plan.runs]
    return Runs(plan, (*runs, *saved), tuple(_watches(plan, emulations, job)), SourceNoise(references.wide))


def _opened(planned: PlannedRun, job: Job) -> Run:
    run = Run(planned.settings, planned.artifact, None, planned.provenance, job.comparer(), planned.variant)
    try:
        inner = _session(planned, job)
        run.session = CarryingSession(inner, _carry_of(inner, job), job.source.initial)
    except MlparityError as error:
        run.failure = str(error)
    return run


def _carry_of(session: Session, job: Job) -> dict[str, str]:
    """Return what a session carries; a state of the source that the artifact lacks is an output that it lacks."""
    known = {spec.name for spec in session.signature.inputs}
    own = job.source.carry
    return {output: name for output, name in job.options.carry.items() if name in known or output not in own}


def _session(planned: PlannedRun, job: Job) -> Session:
    target, path = target_named(planned.artifact.target), job.stage / planned.artifact.path
    opening = Opening(planned.unit, job.source.input_names, job.source.output_names, job.options.runtime)
    if target.engine is not None:
        return target.engine.open_variant(path, opening, planned.variant)
    return target.open_artifact(path, opening)


def _watches(plan: Plan, emulations: Emulations, job: Job) -> Iterator[Watch]:
    """Yield the watch of each artifact; none of one that does not open, whose rows say so."""
    for artifact in plan.watched:
        emulation, engine = emulations[artifact.path], target_named(artifact.target).engine
        if isinstance(emulation, MlparityError) or engine is None:
            continue
        ranges = Ranges()
        try:
            session = engine.watch(job.stage / artifact.path, job.source.input_names, ranges)
        except MlparityError:
            continue
        carrying = CarryingSession(session, _carry_of(session, job), job.source.initial)
        yield Watch(artifact, emulation.function(), carrying, ranges)

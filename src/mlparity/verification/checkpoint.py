"""What a comparison knows after some samples, as one frozen value that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from mlparity.compare.comparer import ComparerState
from mlparity.core.array_text import ArrayText, array_of_text, text_of_array
from mlparity.core.session import SampleSet, Session
from mlparity.core.words import Precision
from mlparity.diagnose.ranges import Range
from mlparity.record.record import Artifact
from mlparity.samples.images import thumbnail
from mlparity.sessions.carrying import CarryingSession
from mlparity.verification.job import References
from mlparity.verification.runs import Run, Runs

CHECKPOINT_VERSION = 8

Held = Mapping[str, ArrayText]
"""The state that a session carries to its next sample, by input name."""


@dataclass(frozen=True, slots=True)
class RunState:
    """One run: what it is of, by settings and artifact, and what it gave."""

    name: str
    seconds: float
    samples: int
    failure: str
    comparer: ComparerState
    held: Held


@dataclass(frozen=True, slots=True)
class WatchState:
    """The ranges of one artifact's values so far, by name, and what its session carries."""

    artifact: str
    ranges: Mapping[str, Range]
    held: Held


@dataclass(frozen=True, slots=True)
class RunsState:
    """All runs, what was watched, the source's noise, and what the references carry."""

    runs: tuple[RunState, ...]
    watches: tuple[WatchState, ...]
    noise: ComparerState
    noise_failure: str
    roundings: float
    noise_samples: int
    references: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a verification stood after `done` samples, whose digest is `samples_sha256`.

    `key` stands for everything but the samples that decides what is counted.
    """

    key: str
    done: int
    samples_sha256: str
    names: tuple[str, ...]
    runs: RunsState
    artifacts: tuple[Artifact, ...]
    failures: tuple[tuple[str, Precision, str, str, str], ...]
    version: int = CHECKPOINT_VERSION


def state_of(runs: Runs, references: References) -> RunsState:
    """Return what the runs gave so far; to be called between two samples."""
    return RunsState(
        runs=tuple(
            RunState(name_of(run), run.seconds, run.samples, run.failure, run.comparer.state(), _held(run.session))
            for run in runs.runs
        ),
        watches=tuple(
            WatchState(watch.artifact.path, dict(watch.ranges), _held(watch.session)) for watch in runs.watching()
        ),
        noise=runs.noise.comparer.state(),
        noise_failure=runs.noise.failure,
        roundings=runs.noise.roundings,
        noise_samples=runs.noise.samples,
        references=tuple(map(_held, (references.narrow, references.wide))),
    )


def fits(runs: Runs, state: RunsState) -> bool:
    """Return whether the state is one of these runs."""
    return [name_of(run) for run in runs.runs] == [known.name for known in state.runs]


def restore(runs: Runs, references: References, state: RunsState, samples: SampleSet) -> None:
    """Let runs that the state fits go on from it; pictures of the worst samples are taken from `samples`."""
    image_of = partial(partial, thumbnail, samples)
    for run, known in zip(runs.runs, state.runs, strict=True):
        run.seconds, run.samples, run.failure = known.seconds, known.samples, known.failure
        run.comparer.restore(known.comparer, image_of)
        _carry_on(run.session, known.held)
    found = {watched.artifact: watched for watched in state.watches}
    for watch in runs.watches:
        watch.has_failed = watch.artifact.path not in found
    for watch in runs.watching():
        watch.ranges.update(found[watch.artifact.path].ranges)
        _carry_on(watch.session, found[watch.artifact.path].held)
    runs.noise.comparer.restore(state.noise, image_of)
    runs.noise.failure, runs.noise.roundings = state.noise_failure, state.roundings
    runs.noise.samples = state.noise_samples
    for session, held in zip((references.narrow, references.wide), state.references, strict=True):
        _carry_on(session, held)


def name_of(run: Run) -> str:
    """Return what tells a run from the others of its verification."""
    parts = [f"{run.artifact.path}: {', '.join(map(str, run.settings))}"]
    parts += [] if run.variant is None else [run.variant.name]
    parts += [] if run.saved is None else [run.saved.origin]
    return ", ".join(parts)


def _held(session: Session | None) -> Held:
    held = session.held if isinstance(session, CarryingSession) else {}
    return {name: text_of_array(array) for name, array in held.items()}


def _carry_on(session: Session | None, held: Held) -> None:
    if isinstance(session, CarryingSession):
        session.restore({name: array_of_text(text) for name, text in held.items()})

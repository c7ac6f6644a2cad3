"""What a comparison knows after some samples, as one frozen value that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mlparity.api.rows import Rows, Run
from mlparity.backends.carrying import CarryingSession
from mlparity.compare.comparer import ComparerState
from mlparity.core.array_text import ArrayText, array_of_text, text_of_array
from mlparity.core.record import Artifact
from mlparity.core.session import SampleSet, Session
from mlparity.core.words import Precision, Target
from mlparity.diagnose.ranges import Range
from mlparity.samples.images import thumbnail

CHECKPOINT_VERSION = 4

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
class RowsState:
    """All runs, what was watched, the source's noise, and what the references carry."""

    runs: tuple[RunState, ...]
    watches: tuple[WatchState, ...]
    noise: ComparerState
    noise_failure: str
    roundings: float
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
    rows: RowsState
    artifacts: tuple[Artifact, ...]
    failures: tuple[tuple[Target, Precision, str], ...]
    version: int = CHECKPOINT_VERSION


def state_of(rows: Rows, references: Sequence[Session]) -> RowsState:
    """Return what the runs gave so far; to be called between two samples."""
    return RowsState(
        runs=tuple(
            RunState(name_of(run), run.seconds, run.samples, run.failure, run.comparer.state(), _held(run.session))
            for run in rows.runs
        ),
        watches=tuple(
            WatchState(watch.artifact.path, dict(watch.ranges.found), _held(watch.session)) for watch in rows.watches
        ),
        noise=rows.noise_comparer.state(),
        noise_failure=rows.noise_failure,
        roundings=rows.roundings,
        references=tuple(_held(session) for session in references),
    )


def fits(rows: Rows, state: RowsState) -> bool:
    """Return whether the state is one of these runs."""
    return [name_of(run) for run in rows.runs] == [each.name for each in state.runs]


def restore(rows: Rows, references: Sequence[Session], state: RowsState, samples: SampleSet) -> None:
    """Let runs that the state fits go on from it; pictures of the worst samples are taken from `samples`."""
    image_of = partial(partial, thumbnail, samples)
    for run, each in zip(rows.runs, state.runs, strict=True):
        run.seconds, run.samples, run.failure = each.seconds, each.samples, each.failure
        run.comparer.restore(each.comparer, image_of)
        _carry_on(run.session, each.held)
    found = {each.artifact: each for each in state.watches}
    rows.watches = [watch for watch in rows.watches if watch.artifact.path in found]
    for watch in rows.watches:
        watch.ranges.found.update(found[watch.artifact.path].ranges)
        _carry_on(watch.session, found[watch.artifact.path].held)
    rows.noise_comparer.restore(state.noise, image_of)
    rows.noise_failure, rows.roundings = state.noise_failure, state.roundings
    for session, held in zip(references, state.references, strict=True):
        _carry_on(session, held)


def name_of(run: Run) -> str:
    """Return what tells a run from the others of its verification."""
    parts = [f"{run.artifact.path}: {', '.join(map(str, run.settings))}"]
    parts += [] if run.way is None else [run.way.name]
    parts += [] if run.saved is None else [run.saved.origin]
    return ", ".join(parts)


def _held(session: Session | None) -> Held:
    held = session.held if isinstance(session, CarryingSession) else {}
    return {name: text_of_array(array) for name, array in held.items()}


def _carry_on(session: Session | None, held: Held) -> None:
    if isinstance(session, CarryingSession):
        session.restore({name: array_of_text(text) for name, text in held.items()})

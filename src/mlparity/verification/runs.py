"""The runs of a job with what was seen of each, sample by sample; memory does not grow with their number."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mlparity.compare.comparer import Comparer
from mlparity.compare.glance import Glance
from mlparity.compare.noise import noise_of
from mlparity.core.errors import MlparityError
from mlparity.core.names import sample_called
from mlparity.core.session import Outputs, Session
from mlparity.core.words import Provenance, Setting
from mlparity.diagnose.ranges import Range, Ranges
from mlparity.engine.mil.program import Function
from mlparity.engine.placement.variants import Variant
from mlparity.record.outputs import OutputsHeader
from mlparity.record.record import Artifact, Noise
from mlparity.sessions.carrying import restart
from mlparity.sessions.checked import run_checked
from mlparity.sessions.on_demand import rest
from mlparity.sessions.recorded import RecordedSession
from mlparity.sessions.torch import roundings_of
from mlparity.verification.execute import ALONE, BlockSize, Step
from mlparity.verification.plan import Plan


@dataclass(frozen=True, slots=True)
class RunSight:
    """What one sample showed of a run: the seconds that it took and the comparison, or why it failed."""

    seconds: float = 0.0
    failure: str = ""
    glance: Glance | None = None


@dataclass(frozen=True, slots=True)
class NoiseSight:
    """What one sample showed of the source's noise, or why it failed."""

    failure: str
    roundings: float = 0.0
    glance: Glance | None = None


Sight = RunSight | NoiseSight | Mapping[str, Range] | None
"""What an observer saw of one sample."""


class Looking(Protocol):
    """An observer that can look in one process and count in another: counting goes in the order of the samples."""

    def look(self, step: Step) -> Sight:
        """Return what one sample shows."""
        ...

    def count(self, step: Step, sight: Any) -> None:
        """Count what this kind of observer returned for the sample."""
        ...

    def add(self, step: Step) -> None:
        """Look at one sample, and count."""
        ...

    def rest(self) -> None:
        """Give back what memory there is no room for until the next block."""
        ...


@dataclass(slots=True)
class Run:
    """One artifact in one arithmetic: the settings that share it, its session, and what was seen of it.

    `variant` says how an emulated run calculates. `failed_at` is the number of the sample that failed, -1 where the run
    failed before any. A run without settings is a rung of the ladder. `saved` tells of
    outputs that were saved elsewhere; such a run is a row of its own. `note` is what a reader of the row should know.
    """

    settings: tuple[Setting, ...]
    artifact: Artifact
    session: Session | None
    provenance: Provenance
    comparer: Comparer
    variant: Variant | None = None
    saved: OutputsHeader | None = None
    seconds: float = 0.0
    samples: int = 0
    failure: str = ""
    note: str = ""
    stays_open: bool = True
    failed_at: int = -1

    def look(self, step: Step) -> RunSight | None:
        """Run the sample and compare, without counting; nothing is run after a sample that failed."""
        if self.session is None or (self.failure and step.number > self.failed_at):
            return None
        if step.begins:
            restart(self.session)
        started = time.perf_counter()
        try:
            outputs = self._outputs(self.session, step)
        except MlparityError as error:
            return RunSight(failure=f"{sample_called(step.name)}: {error}")
        seconds = time.perf_counter() - started
        return RunSight(seconds, glance=self.comparer.look(step.name, step.expected, outputs))

    def count(self, step: Step, sight: RunSight | None) -> None:
        """Count what a sample showed; a run that failed stays so."""
        if self.session is None or self.failure:
            return
        if sight is None or sight.glance is None:
            self.failure = f"{sample_called(step.name)} was not run" if sight is None else sight.failure
            self.failed_at = step.number
            return
        self.seconds += sight.seconds
        self.samples += 1
        self.comparer.count(step.name, sight.glance, step.picture)

    def add(self, step: Step) -> None:
        """Run the sample, compare, and count."""
        self.count(step, self.look(step))

    @staticmethod
    def _outputs(session: Session, step: Step) -> Outputs:
        """Run the sample; what was saved is found by its name, since equal inputs give other outputs after a state."""
        return session.named(step.name) if isinstance(session, RecordedSession) else run_checked(session, step.given)

    def rest(self) -> None:
        """Close the session until the next block, unless it stays open."""
        if not self.stays_open:
            rest(self.session)

    def close(self) -> None:
        """Close the session."""
        if self.session is not None:
            self.session.close()


@dataclass(slots=True)
class Watch:
    """An emulated artifact, run without rounding to see what ranges its values take.

    `tap` holds those of one sample, `ranges` those of all that were counted.
    """

    artifact: Artifact
    function: Function
    session: Session
    tap: Ranges
    ranges: dict[str, Range] = field(default_factory=dict)
    has_failed: bool = False
    stays_open: bool = True

    def look(self, step: Step) -> Mapping[str, Range] | None:
        """Run the sample and return its ranges; None where that fails: the runs of the artifact say why."""
        if self.has_failed:
            return None
        if step.begins:
            restart(self.session)
        self.tap.found.clear()
        try:
            run_checked(self.session, step.given)
        except MlparityError:
            self.session.close()
            return None
        return dict(self.tap.found)

    def count(self, _step: Step, sight: Mapping[str, Range] | None) -> None:
        """Count the ranges of one sample; after one that failed they count no more."""
        if sight is None or self.has_failed:
            self.has_failed = True
            return
        for name, seen in sight.items():
            self.ranges[name] = self.ranges.get(name, Range()).merged(seen)

    def add(self, step: Step) -> None:
        """Run the sample, and count the ranges of its values."""
        self.count(step, self.look(step))

    def rest(self) -> None:
        """Close the session until the next block, unless it stays open."""
        if not self.stays_open:
            rest(self.session)

    def close(self) -> None:
        """Close the session."""
        self.session.close()


@dataclass(slots=True)
class SourceNoise:
    """The source's own fp32 noise: its run in fp32 against that in fp64; `roundings` are those of the latter.

    Of the samples those are run whose numbers are `chosen`, all where that is None, and any of which the source in fp32
    makes NaN or infinities: on them noise may be unknown. `samples` counts them.
    """

    wide: Session
    comparer: Comparer = field(default_factory=lambda: Comparer(class_outputs=()))
    failure: str = ""
    roundings: float = 0.0
    stays_open: bool = True
    chosen: frozenset[int] | None = None
    samples: int = 0

    def look(self, step: Step) -> NoiseSight | None:
        """Run the sample in fp64 and compare, without counting; None where it is not among those that are run."""
        if self.failure or not self._is_chosen(step):
            return None
        if step.begins:
            restart(self.wide)
        try:
            glance = self.comparer.look(step.name, run_checked(self.wide, step.sample), step.expected)
        except MlparityError as error:
            return NoiseSight(str(error))
        return NoiseSight("", roundings_of(self.wide), glance)

    def count(self, step: Step, sight: NoiseSight | None) -> None:
        """Count what a sample showed."""
        if self.failure or sight is None:
            return
        self.samples += 1
        if sight.glance is None:
            self.failure = sight.failure
            return
        self.comparer.count(step.name, sight.glance)
        # Outputs that could not be compared on one sample would leave the noise of the others to stand for all.
        self.failure = next(iter((*self.comparer.unlike, *self.comparer.problems)), "")
        self.roundings = max(self.roundings, sight.roundings)

    def add(self, step: Step) -> None:
        """Run the sample in fp64, compare, and count."""
        self.count(step, self.look(step))

    def rest(self) -> None:
        """Close the session until the next block, unless it stays open."""
        if not self.stays_open:
            rest(self.wide)

    def result(self) -> tuple[Noise, ...]:
        """Return the noise of each output; empty where the source cannot run in fp64."""
        if self.failure:
            return ()
        samples = None if self.chosen is None else self.samples
        return noise_of(self.comparer.result(), self.roundings, samples)

    def _is_chosen(self, step: Step) -> bool:
        if self.chosen is None or step.number in self.chosen:
            return True
        return not all(np.isfinite(array).all() for array in step.expected.values() if array.dtype.kind in "fc")


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """All runs of a job, as they were planned or saved elsewhere, what is watched, and the source's noise."""

    plan: Plan
    runs: Sequence[Run]
    watches: Sequence[Watch]
    noise: SourceNoise
    block: BlockSize = ALONE

    def observers(self) -> tuple[Looking, ...]:
        """Return what looks at each sample, in order."""
        return (self.noise, *self.runs, *self.watches)

    def watching(self) -> tuple[Watch, ...]:
        """Return the watches that have seen every sample."""
        return tuple(watch for watch in self.watches if not watch.has_failed)

    def rest(self) -> None:
        """Close the artifacts' sessions, which can open again: all samples have been seen."""
        for session in (*(run.session for run in self.runs), *(watch.session for watch in self.watches)):
            rest(session)

    def close(self) -> None:
        """Close every session but the source's."""
        for run in self.runs:
            run.close()
        for watch in self.watches:
            watch.close()

"""The runs of a job with what was seen of each, sample by sample; memory does not grow with their number."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from mlparity.compare.comparer import Comparer
from mlparity.compare.noise import noise_of
from mlparity.core.errors import MlparityError
from mlparity.core.session import Session
from mlparity.core.words import Provenance, Setting
from mlparity.diagnose.ranges import Ranges
from mlparity.engine.mil.program import Function
from mlparity.engine.placement.variants import Variant
from mlparity.record.outputs import OutputsHeader
from mlparity.record.record import Artifact, Noise
from mlparity.sessions.carrying import restart
from mlparity.sessions.checked import run_checked
from mlparity.sessions.on_demand import rest
from mlparity.sessions.torch import roundings_of
from mlparity.verification.execute import ALONE, BlockSize, Observer, Step
from mlparity.verification.plan import Plan


@dataclass(slots=True)
class Run:
    """One artifact in one arithmetic: the settings that share it, its session, and what was seen of it.

    `variant` says how an emulated run calculates. A run without settings is a rung of the ladder. `saved` tells of
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

    def add(self, step: Step) -> None:
        """Run the sample and compare; a run that failed stays so."""
        if self.session is None or self.failure:
            return
        if step.begins:
            restart(self.session)
        started = time.perf_counter()
        try:
            outputs = run_checked(self.session, step.given)
        except MlparityError as error:
            self.failure = f"sample {step.name}: {error}"
            return
        self.seconds += time.perf_counter() - started
        self.samples += 1
        self.comparer.add(step.name, step.expected, outputs, step.picture)

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
    """An emulated artifact, run without rounding to see what ranges its values take."""

    artifact: Artifact
    function: Function
    session: Session
    ranges: Ranges
    has_failed: bool = False
    stays_open: bool = True

    def add(self, step: Step) -> None:
        """Run the sample; where that fails, the runs of the artifact say why, and the ranges count no more."""
        if self.has_failed:
            return
        if step.begins:
            restart(self.session)
        try:
            run_checked(self.session, step.given)
        except MlparityError:
            self.has_failed = True
            self.session.close()

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

    def add(self, step: Step) -> None:
        """Run the sample in fp64 and compare."""
        if self.failure or not self._is_chosen(step):
            return
        self.samples += 1
        if step.begins:
            restart(self.wide)
        try:
            self.comparer.add(step.name, run_checked(self.wide, step.sample), step.expected)
        except MlparityError as error:
            self.failure = str(error)
            return
        # Outputs that could not be compared on one sample would leave the noise of the others to stand for all.
        self.failure = next(iter((*self.comparer.unlike, *self.comparer.problems)), "")
        self.roundings = max(self.roundings, roundings_of(self.wide))

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

    def observers(self) -> tuple[Observer, ...]:
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

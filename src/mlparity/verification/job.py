"""What is verified: everything that is known before the first model is converted or run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mlparity.compare.comparer import Comparer
from mlparity.compare.user_metric import LoadedMetric
from mlparity.core.session import Sample, SampleSet, Session
from mlparity.core.source import Source
from mlparity.record.policy import OutputTask, Policy, TaskKind
from mlparity.samples.images import labels_of
from mlparity.sessions import torch as torch_session
from mlparity.sessions.carrying import CarryingSession
from mlparity.sessions.on_demand import OnDemandSession
from mlparity.verification.alone import alone_in_source, begins
from mlparity.verification.app_pictures import AppPictures
from mlparity.verification.budget import WIDE, kept_open, weight_bytes
from mlparity.verification.lengths import SCANNED, examples
from mlparity.verification.options import VerifyOptions

CHECKED_SAMPLES = 3
"""On how many samples a target may check its conversion. Assumed: faults of a converter show on any sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What is verified, on what, by which policy, and the folder into which the results go.

    `app` are the pictures that artifacts are given, where an app prepares them in another way.
    """

    source: Source
    samples: SampleSet
    policy: Policy
    options: VerifyOptions
    metrics: tuple[LoadedMetric, ...]
    stage: Path
    app: AppPictures | None = None

    def comparer(self) -> Comparer:
        """Return a comparer that knows the tasks of the outputs and the user's own metrics.

        A state is nothing that anything is decided by, whatever its shape looks like, unless the policy says so.
        """
        states = (OutputTask(state.output, TaskKind.NONE) for state in self.source.states)
        tasks = (*states, *self.policy.tasks)
        labels = labels_of(self.samples, self.options.class_names)
        return Comparer(class_outputs=self.options.class_outputs, tasks=tasks, metrics=self.metrics, labels=labels)

    def first(self) -> Sample:
        """Return the first sample, with the state that the source begins with."""
        return {**self.source.initial, **next(iter(self.samples))[1]}

    def given(self, name: str, sample: Sample) -> Sample:
        """Return what artifacts are given for a sample."""
        return sample if self.app is None else self.app.given(name, sample)

    def begins(self, name: str) -> bool:
        """Tell whether the state starts anew at a sample, as `mlparity.verification.alone` says."""
        return begins(self.samples, name, is_own=bool(self.source.states))

    def alone(self) -> Iterator[tuple[str, Sample]]:
        """Yield the samples as they stand alone: with the state that the source has before each.

        Raises:
            MlparityError: the source fails on a sample before.
        """
        return alone_in_source(self.source, self.samples, self.options.carry)

    def alike(self) -> tuple[Sample, ...]:
        """Return the first samples, of which all have the first one's shapes; one alone where state is carried.

        Where the inputs' lengths vary, they are samples of several lengths.
        """
        if self.source.lengths:
            looked_at = (sample for _, sample in islice(self.samples, SCANNED))
            shown = examples(looked_at, self.source.lengths, CHECKED_SAMPLES)
            return tuple({**self.source.initial, **sample} for sample in shown)
        few = [
            {**self.source.initial, **sample}
            for _, sample in islice(self.samples, 1 if self.options.carry else CHECKED_SAMPLES)
        ]
        shapes = [{name: array.shape for name, array in sample.items()} for sample in few]
        return tuple(sample for sample, shape in zip(few, shapes, strict=True) if shape == shapes[0])


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """The source in fp32, which everything is compared with, and in fp64, which tells its noise."""

    narrow: Session
    wide: Session


@contextmanager
def open_references(source: Source, options: VerifyOptions) -> Iterator[References]:
    """Open the source in fp32 and in fp64, each with its own carried state.

    In fp64 it takes its copy now, before any run has changed the module, unless it is too large to stay open.
    """
    with ExitStack() as stack:
        narrow = stack.enter_context(torch_session.open(source))
        wide = stack.enter_context(_wide(source, options))
        yield References(*(CarryingSession(each, options.carry, source.initial) for each in (narrow, wide)))


def _wide(source: Source, options: VerifyOptions) -> OnDemandSession:
    def open_wide() -> Session:
        return torch_session.open(source, double=True)

    if kept_open([WIDE * weight_bytes(source)], options.open_bytes) == (True,):
        return OnDemandSession(open_wide)
    signature, runtime = torch_session.description(source, double=True)
    return OnDemandSession(open_wide, signature, runtime)

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
from mlparity.record.policy import Policy
from mlparity.sessions import torch as torch_session
from mlparity.sessions.carrying import CarryingSession
from mlparity.verification.options import VerifyOptions

CHECKED_SAMPLES = 3
"""On how many samples a target may check its conversion. Assumed: faults of a converter show on any sample."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What is verified, on what, by which policy, and the folder into which the results go."""

    source: Source
    samples: SampleSet
    policy: Policy
    options: VerifyOptions
    metrics: tuple[LoadedMetric, ...]
    stage: Path

    def comparer(self) -> Comparer:
        """Return a comparer that knows the tasks of the outputs and the user's own metrics."""
        return Comparer(class_outputs=self.options.class_outputs, tasks=self.policy.tasks, metrics=self.metrics)

    def first(self) -> Sample:
        """Return the first sample."""
        return next(iter(self.samples))[1]

    def alike(self) -> tuple[Sample, ...]:
        """Return the first samples, of which all have the first one's shapes; one alone where state is carried."""
        few = [sample for _, sample in islice(self.samples, 1 if self.options.carry else CHECKED_SAMPLES)]
        shapes = [{name: array.shape for name, array in sample.items()} for sample in few]
        return tuple(sample for sample, shape in zip(few, shapes, strict=True) if shape == shapes[0])


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """The source in fp32, which everything is compared with, and in fp64, which tells its noise."""

    narrow: Session
    wide: Session


@contextmanager
def open_references(source: Source, options: VerifyOptions) -> Iterator[References]:
    """Open the source in fp32 and in fp64, each with its own carried state."""
    with ExitStack() as stack:
        narrow = stack.enter_context(torch_session.open(source))
        wide = stack.enter_context(torch_session.open(source, double=True))
        yield References(CarryingSession(narrow, options.carry), CarryingSession(wide, options.carry))

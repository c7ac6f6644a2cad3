"""Samples as they stand alone: each with the state that a model has before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing

from mlparity.core.session import Sample, SampleSet, Session
from mlparity.core.source import Source, left_by
from mlparity.core.steps import has_steps, is_first
from mlparity.sessions import torch as torch_session
from mlparity.sessions.carrying import CarryingSession


def begins(samples: SampleSet, name: str, *, is_own: bool) -> bool:
    """Tell whether a state starts anew at a sample.

    It does so at the first step of a sequence. Samples without steps stand each alone where the model keeps a state of
    its own (`is_own`), and follow each other where something is carried because the user said so.
    """
    return is_first(name) if has_steps(samples) else is_own


def states_of(session: Session) -> dict[str, str]:
    """Return what a model keeps of its own: the output of each state, and the input that it feeds."""
    return {left_by(spec.name): spec.name for spec in session.signature.inputs if spec.is_state}


def alone_in_source(source: Source, samples: SampleSet, carry: Mapping[str, str]) -> Iterator[tuple[str, Sample]]:
    """Yield the samples with the state that the source has before each; as they are where it has none.

    Raises:
        MlparityError: the source fails on a sample before.
    """
    if not carry:
        yield from samples
        return
    with torch_session.open(source) as narrow:
        carrying = CarryingSession(narrow, carry, source.initial)
        yield from _alone(carrying, samples, source.initial, is_own=bool(source.states))


def alone_in_artifact(session: Session, samples: SampleSet, carry: Mapping[str, str]) -> Iterator[tuple[str, Sample]]:
    """Yield the samples with the state that an artifact has before each, and close its session at the end.

    The state is its own, and what `carry` maps from an output to an input.

    Raises:
        MlparityError: the artifact fails on a sample before.
    """
    with closing(session):
        own = states_of(session)
        if own or carry:
            yield from _alone(CarryingSession(session, {**own, **carry}), samples, {}, is_own=bool(own))
        else:
            yield from samples


def _alone(
    carrying: CarryingSession, samples: SampleSet, initial: Sample, *, is_own: bool
) -> Iterator[tuple[str, Sample]]:
    for name, sample in samples:
        if begins(samples, name, is_own=is_own):
            carrying.reset()
        yield name, {**initial, **carrying.before(sample)}
        carrying.run(sample)

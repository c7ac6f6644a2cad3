"""The one loop over samples: what is verified, tuned, saved by a device or compared goes through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol

from mlparity.core.progress import Progress
from mlparity.core.session import Outputs, Sample


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One sample: its name, its inputs, what the reference gives, and on request a small picture of it.

    `given` is what artifacts are given, which an app may prepare in another way.
    """

    name: str
    sample: Sample
    expected: Outputs
    picture: Callable[[], str]
    given: Sample


class Observer(Protocol):
    """What looks at each sample and counts."""

    def add(self, step: Step) -> None:
        """Look at one sample."""
        ...


def _no_picture(_name: str) -> str:
    return ""


def _nothing(_name: str) -> None:
    return None


def _same(_name: str, sample: Sample) -> Sample:
    return sample


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """The samples that are still to be run, by name, of `total` of which `done` were counted before.

    `before` is called with each name before its sample is run. `given` makes of a name and a sample what artifacts get.
    """

    samples: Iterable[tuple[str, Sample]]
    total: int
    done: int = 0
    picture: Callable[[str], str] = _no_picture
    before: Callable[[str], None] = _nothing
    given: Callable[[str, Sample], Sample] = _same


def execute(
    feed: Feed,
    reference: Callable[[str, Sample], Outputs],
    observers: Sequence[Observer],
    progress: Progress,
    after: Callable[[Step], None] = lambda _: None,
) -> None:
    """Show each sample, with what the reference gives for it, to every observer; then call `after`.

    Raises:
        MlparityError: the reference fails, or an observer or `after` raises it.
    """
    for number, (name, sample) in enumerate(feed.samples, feed.done):
        progress("compare", number, feed.total)
        feed.before(name)
        step = Step(name, sample, reference(name, sample), cache(partial(feed.picture, name)), feed.given(name, sample))
        for observer in observers:
            observer.add(step)
        after(step)
    progress("compare", feed.total, feed.total)

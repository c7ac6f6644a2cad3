"""The one loop over samples: what is verified, tuned, saved by a device or compared goes through it.

Samples are taken in blocks. Of a block every observer sees all samples, in their order, before the next observer sees
any, so that observers need not hold their models at the same time. What each of them counts does not depend on the
size of the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol

from mlparity.core.errors import ExecutionError
from mlparity.core.progress import Progress
from mlparity.core.session import Outputs, Sample


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One sample: its name, its inputs, what the reference gives, and on request a small picture of it.

    `given` is what artifacts are given, which an app may prepare in another way. A state starts anew where the sample
    `begins`. Its `number` counts from 0, over all samples.
    """

    name: str
    sample: Sample
    expected: Outputs
    picture: Callable[[], str]
    given: Sample
    begins: bool = False
    number: int = 0

    @property
    def size(self) -> int:
        """The bytes of its inputs and of what the reference gives."""
        return sum(array.nbytes for held in (self.sample, self.given, self.expected) for array in held.values())


class Observer(Protocol):
    """What looks at each sample and counts."""

    def add(self, step: Step) -> None:
        """Look at one sample."""
        ...

    def rest(self) -> None:
        """Give back what memory there is no room for until the next block."""
        ...


@dataclass(frozen=True, slots=True)
class BlockSize:
    """How many samples a block has at most, and after how many bytes of them it ends."""

    samples: int = 1
    size: int = 2**27


ALONE = BlockSize()
"""A sample is shown to every observer before the next one is read."""


def _no_picture(_name: str) -> str:
    return ""


def _never(_name: str) -> bool:
    return False


def _same(_name: str, sample: Sample) -> Sample:
    return sample


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """The samples that are still to be run, by name, of `total` of which `done` were counted before.

    `begins` tells by its name whether the state starts anew at a sample. `given` makes of a name and a sample what
    artifacts get.
    """

    samples: Iterable[tuple[str, Sample]]
    total: int
    done: int = 0
    picture: Callable[[str], str] = _no_picture
    begins: Callable[[str], bool] = _never
    given: Callable[[str, Sample], Sample] = _same


def execute(
    feed: Feed,
    reference: Callable[[str, Sample], Outputs],
    observers: Sequence[Observer],
    progress: Progress,
    after: Callable[[Sequence[Step]], None] = lambda _: None,
    block: BlockSize = ALONE,
) -> None:
    """Show each sample, with what the reference gives for it, to every observer; after each block call `after`.

    Raises:
        MlparityError: the reference fails, or an observer or `after` raises it.
    """
    done = feed.done
    for steps in _blocks(_steps(feed, reference, progress), block):
        for observer in observers:
            progress("compare", done, feed.total)
            for step in steps:
                observer.add(step)
            observer.rest()
        after(steps)
        done += len(steps)
    progress("compare", feed.total, feed.total)


def _steps(feed: Feed, reference: Callable[[str, Sample], Outputs], progress: Progress) -> Iterator[Step]:
    progress("compare", feed.done, feed.total)
    for number, (name, sample) in enumerate(feed.samples, feed.done):
        picture = cache(partial(feed.picture, name))
        expected = _expected(reference, name, sample)
        yield Step(name, sample, expected, picture, feed.given(name, sample), feed.begins(name), number)


def _expected(reference: Callable[[str, Sample], Outputs], name: str, sample: Sample) -> Outputs:
    try:
        return reference(name, sample)
    except ExecutionError as error:
        shapes = ", ".join(f"{each} {array.dtype} {array.shape}" for each, array in sample.items())
        raise ExecutionError(
            error.what,
            where=f"{name}, inputs {shapes}, {error.where}",
            found=error.found,
            expected=error.expected,
            next_step=error.next_step or "leave this sample out, or correct the source for it",
        ) from error


def _blocks(steps: Iterator[Step], block: BlockSize) -> Iterator[list[Step]]:
    held: list[Step] = []
    for step in steps:
        held.append(step)
        if len(held) == block.samples or sum(each.size for each in held) >= block.size:
            yield held
            held = []
    if held:
        yield held

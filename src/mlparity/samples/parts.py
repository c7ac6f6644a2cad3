"""A stretch of a set of samples, which can be read without the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from mlparity.core.session import Sample, SampleSet
from mlparity.samples.arrays import ArraySamples
from mlparity.samples.images import ImageSamples


def has_parts(samples: SampleSet) -> bool:
    """Tell whether each sample is a file of its own."""
    return isinstance(samples, ImageSamples) or (
        isinstance(samples, ArraySamples) and not (samples.rows or samples.has_steps)
    )


def part_of(samples: SampleSet, start: int, stop: int) -> Iterator[tuple[str, Sample]]:
    """Yield the samples from number `start` to before `stop`; of a set without parts those before are read too.

    Raises:
        InputError: one cannot be read.
    """
    if has_parts(samples) and isinstance(samples, ImageSamples | ArraySamples):
        yield from replace(samples, files=samples.files[start:stop])
    else:
        yield from islice(samples, start, stop)


def sees(samples: SampleSet, start: int, stop: int) -> bool:
    """Tell whether the files of a stretch are there, on this machine."""
    if not isinstance(samples, ImageSamples | ArraySamples):
        return False
    return all(file.exists() for file in samples.files[start:stop])


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What is known of a set whose samples are read in another process."""

    count: int
    has_steps: bool
    description: str = "samples of another process"
    warning: str = ""

    def __len__(self) -> int:
        """The number of samples."""
        return self.count

    def __iter__(self) -> Iterator[tuple[str, Sample]]:
        """Yield none: they are not here."""
        return iter(())

"""Samples that the caller already holds, such as the arrays of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlparity.core.errors import InputError
from mlparity.core.names import checked_name
from mlparity.core.session import Sample
from mlparity.core.user_code import failing_as, said
from mlparity.samples.numbers import as_numbers


@dataclass(frozen=True, slots=True)
class MemorySamples:
    """A set of samples in memory, named `0`, `1`, ... in their order."""

    samples: tuple[Sample, ...]
    warning: str = ""

    @property
    def description(self) -> str:
        """How many there are."""
        return f"{len(self.samples)} sample{'s' if len(self.samples) > 1 else ''} from memory"

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.samples)

    def __iter__(self) -> Iterator[tuple[str, Sample]]:
        """Yield each sample with its index as its name."""
        return ((str(index), sample) for index, sample in enumerate(self.samples))


def memory_samples(samples: Sequence[Mapping[str, object]]) -> MemorySamples:
    """Return the set; each sample maps input names to arrays, tensors or numbers.

    Raises:
        InputError: there is no sample, or one is no mapping of names to what numpy reads as an array of numbers.
    """
    if not samples:
        raise InputError("there are no samples", found="an empty sequence", next_step="pass at least one sample")
    return MemorySamples(tuple(_sample(sample, str(index)) for index, sample in enumerate(samples)))


def _sample(sample: Mapping[str, object], name: str) -> Sample:
    if not isinstance(sample, Mapping):
        raise InputError(
            "a sample is no mapping",
            where=f"sample {name}",
            found=type(sample).__name__,
            expected="input name to array",
            next_step='pass [{"x": array}, ...]',
        )
    return {
        checked_name(str(key), f"an input of sample {name}"): _array(value, f"sample {name}, input {key}")
        for key, value in sample.items()
    }


def _array(value: object, where: str) -> np.ndarray:
    def failed(error: BaseException) -> InputError:
        return InputError("an input is no array", where=where, found=said(error), next_step="pass an array")

    with failing_as(failed):
        array = np.asanyarray(value)
    return as_numbers(array, where)

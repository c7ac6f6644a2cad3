"""Samples that the caller already holds, such as the arrays of a test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlparity.core.errors import InputError
from mlparity.core.names import checked_name
from mlparity.core.numbers import counted
from mlparity.core.session import Sample
from mlparity.core.steps import step_name
from mlparity.core.user_code import failing_as, said
from mlparity.samples.numbers import as_numbers

Steps = Mapping[str, object] | Sequence[Mapping[str, object]]
"""One sample: its inputs by name, or the steps of a sequence."""


@dataclass(frozen=True, slots=True)
class MemorySamples:
    """A set of samples in memory, named `0`, `1`, ... in their order, or by `names`; of sequences, each step is one."""

    samples: tuple[Sample, ...]
    warning: str = ""
    names: tuple[str, ...] = ()
    has_steps: bool = False

    @property
    def description(self) -> str:
        """How many there are."""
        if self.has_steps:
            sequences = len({name.partition("/")[0] for name in self.names})
            return f"{counted(sequences, 'sequence')} of {counted(len(self.samples), 'step')} in all, from memory"
        return f"{counted(len(self.samples), 'sample')} from memory"

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.samples)

    def __iter__(self) -> Iterator[tuple[str, Sample]]:
        """Yield each sample with its index as its name."""
        return zip(self.names or map(str, range(len(self.samples))), self.samples, strict=True)


def memory_samples(samples: Sequence[Steps]) -> MemorySamples:
    """Return the set; each sample maps input names to arrays, tensors or numbers, or is a list of such steps.

    Raises:
        InputError: there is no sample, one is no mapping of names to what numpy reads as an array of numbers, or some
            are sequences of steps and others are not.
    """
    if not samples:
        raise InputError("there are no samples", found="an empty sequence", next_step="pass at least one sample")
    if any(isinstance(sample, list | tuple) for sample in samples):
        return _stepped(samples)
    return MemorySamples(tuple(_sample(sample, str(index)) for index, sample in enumerate(samples)))


def _stepped(samples: Sequence[Steps]) -> MemorySamples:
    named: dict[str, Sample] = {}
    for index, steps in enumerate(samples):
        if not isinstance(steps, list | tuple) or not steps:
            raise InputError(
                "a sample has no steps, and others have",
                where=f"sample {index}",
                found="an empty sequence" if isinstance(steps, list | tuple) else type(steps).__name__,
                expected="a list of steps for every sample, each input name to array",
                next_step="put a sample of one step into a list: [{...}]",
            )
        for number, step in enumerate(steps):
            named[step_name(str(index), number)] = _sample(step, f"{index}, step {number}")
    return MemorySamples(tuple(named.values()), names=tuple(named), has_steps=True)


def _sample(sample: object, name: str) -> Sample:
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

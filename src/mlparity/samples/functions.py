"""Samples from the user's own Python function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count, islice

import numpy as np

from mlparity.core.errors import InputError
from mlparity.core.names import checked_name
from mlparity.core.numbers import counted
from mlparity.core.progress import Progress, silent
from mlparity.core.session import Sample
from mlparity.core.steps import first_samples, step_name
from mlparity.core.user_code import failing_as, import_module, raised_at, said
from mlparity.samples.check import check_finite
from mlparity.samples.digest import sample_sha256
from mlparity.samples.numbers import as_numbers

UserFunction = Callable[..., object]
"""A function of the user's: without arguments for samples, of a picture for a preprocessing."""

_NONE_LEFT = object()


@dataclass(frozen=True, slots=True)
class FunctionSamples:
    """Samples that a function yields; it is called anew in each iteration, and must then yield the same again.

    `digests` holds the SHA-256 of each sample, or of each step, from the first pass.
    """

    function: UserFunction
    entry: str
    digests: tuple[str, ...]
    warning: str = ""
    has_steps: bool = False

    @property
    def description(self) -> str:
        """How many samples, or steps, and which function yields them."""
        return f"{counted(len(self.digests), 'step' if self.has_steps else 'sample')} from {self.entry}"

    def __len__(self) -> int:
        """The number of samples, or steps, of the first pass."""
        return len(self.digests)

    def __iter__(self) -> Iterator[tuple[str, Sample]]:
        """Yield (`sample 0` and so on, of a step `sample 0/0`; sample).

        Raises:
            InputError: the function fails, or yields other values than in the first pass.
        """
        again = islice(_yielded(self.function, self.entry), len(self.digests))
        count = 0
        for (name, sample), digest in zip(again, self.digests, strict=False):
            if sample_sha256(sample) != digest:
                raise self._changed(name, "other values")
            count += 1
            yield name, sample
        if count < len(self.digests):
            raise self._changed(f"sample {count}", "no sample")

    def _changed(self, name: str, found: str) -> InputError:
        return InputError(
            "the function does not yield the same samples again",
            where=f"{name} of {self.entry}",
            found=f"{found} when it was called again",
            expected="the same values in every call",
            next_step="seed its random numbers inside the function, and keep no state outside it",
        )


def function_samples(entry: str, limit: int | None = None, progress: Progress = silent) -> FunctionSamples:
    """Call the function that `entry` (`module:name` or `file.py:name`) names once, and note what it yields.

    Raises:
        InputError: no such function, it fails, yields nothing, or yields something other than arrays by name.
    """
    function = user_function(entry)
    digests, has_steps = [], False
    for name, sample in _first(_yielded(function, entry), limit):
        digests.append(sample_sha256(sample))
        has_steps = "/" in name
        progress("samples", len(digests), 0)  # the function alone knows when it ends
    if not digests:
        raise InputError("the function yields no samples", where=entry, expected="at least one dict of arrays")
    progress("samples", len(digests), len(digests))
    return FunctionSamples(function, entry, tuple(digests), has_steps=has_steps)


def user_function(entry: str) -> UserFunction:
    """Import the function that `entry` (`module:name` or `file.py:name`) names.

    Raises:
        InputError: the module or file cannot be imported, or has no such function.
    """
    home, _, name = entry.rpartition(":")
    with failing_as(lambda error: _failed("the function cannot be imported", entry, error)):
        function = getattr(import_module(home), name)
    if not callable(function):
        raise InputError(f"{name} is no function", where=entry, found=type(function).__name__)
    return function  # type: ignore[no-any-return]


def _yielded(function: UserFunction, entry: str) -> Iterator[tuple[str, Sample]]:
    with failing_as(lambda error: _failed("the function failed", entry, error)):
        made = function()
        if not isinstance(made, Iterable):
            raise TypeError(f"it returned {type(made).__name__}, which cannot be iterated")
        remaining, has_steps = iter(made), False
    for index in count():
        with failing_as(lambda error: _failed("the function failed", entry, error)):
            sample = next(remaining, _NONE_LEFT)
        if sample is _NONE_LEFT:
            return
        has_steps = isinstance(sample, list | tuple) if index == 0 else has_steps
        with failing_as(lambda error: _failed("a sample cannot be read", entry, error)):
            arrays = dict(_read(sample, index, entry, has_steps=has_steps))
        yield from arrays.items()


def _read(sample: object, index: int, entry: str, *, has_steps: bool) -> Iterator[tuple[str, Sample]]:
    """Yield a sample by its name, or each of its steps, as the first sample has steps or none."""
    name = f"sample {index}"
    if not has_steps:
        yield name, _arrays(sample, f"{name} of {entry}")
        return
    if not isinstance(sample, list | tuple) or not sample:
        raise InputError(
            "a sample has no steps, and the first has",
            where=f"{name} of {entry}",
            found=type(sample).__name__,
            expected="a list of dicts of arrays, one for each step",
        )
    for number, step in enumerate(sample):
        yield step_name(name, number), _arrays(step, f"{name}, step {number}, of {entry}")


def _first(pairs: Iterator[tuple[str, Sample]], limit: int | None) -> Iterator[tuple[str, Sample]]:
    """Yield the first `limit` samples, with all of their steps where they have some."""
    first = next(pairs, None)
    if first is None:
        return iter(())
    again = chain((first,), pairs)
    return first_samples(again, limit) if "/" in first[0] else islice(again, limit)


def _arrays(sample: object, where: str) -> Sample:
    if (
        not isinstance(sample, Mapping)
        or not sample
        or not all(isinstance(value, np.ndarray) for value in sample.values())
    ):
        found = (
            f"{type(sample).__name__} of {sorted({type(v).__name__ for v in sample.values()})}"
            if isinstance(sample, Mapping)
            else type(sample).__name__
        )
        raise InputError(
            "a sample is no dict of arrays", where=where, found=found, expected="{input name: numpy array}"
        )
    arrays = {
        checked_name(str(name), f"an input of {where}"): as_numbers(value, f"input {name} of {where}")
        for name, value in sample.items()
    }
    check_finite(arrays, where)
    return arrays


def _failed(what: str, where: str, error: BaseException) -> InputError:
    return InputError(what, where=f"{where}, raised at {raised_at(error)}", found=said(error))

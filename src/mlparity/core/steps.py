"""Samples that are sequences: each of their steps is run and compared by itself, under the name `SAMPLE/STEP`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mlparity.core.errors import InputError
from mlparity.core.session import Sample, SampleSet


def step_name(sample: str, step: int) -> str:
    """Return the name of one step of a sample; the first step is 0."""
    return f"{sample}/{step}"


def keys_by_step(keys: Iterable[str], where: str) -> dict[str, dict[str, str]]:
    """Return the inputs of each step and their keys, for a file whose keys are `STEP/NAME` or `SAMPLE/STEP/NAME`.

    It is empty where no key has a number in that place: then the file is one sample without steps. The names are `STEP`
    or `SAMPLE/STEP`, each sample's steps in order.

    Raises:
        InputError: only some keys tell a step, or a sample's steps are not 0, 1, 2 and so on.
    """
    parts = {key: key.rsplit("/", 2) for key in keys}
    if not any(map(_tells_a_step, parts.values())):
        return {}
    found: dict[str, dict[int, dict[str, str]]] = {}
    for key, part in parts.items():
        if not _tells_a_step(part):
            raise _no_step(where, key)
        found.setdefault("/".join(part[:-2]), {}).setdefault(int(part[-2]), {})[part[-1]] = key
    for sample, steps in found.items():
        if sorted(steps) != list(range(len(steps))):
            raise _no_step(where, f"the steps {', '.join(map(str, sorted(steps)))}{f' of {sample}' if sample else ''}")
    return {
        (step_name(sample, step) if sample else str(step)): steps[step]
        for sample, steps in found.items()
        for step in sorted(steps)
    }


def _tells_a_step(parts: Sequence[str]) -> bool:
    return len(parts) > 1 and parts[-2].isdecimal()


def _no_step(where: str, found: str) -> InputError:
    return InputError(
        "the arrays of a file tell no steps",
        where=where,
        found=found,
        expected="keys STEP/NAME or SAMPLE/STEP/NAME, where the steps of a sample are 0, 1, 2 and so on",
        next_step="save each step's inputs under such keys, or name inputs without a slash",
    )


def first_samples(pairs: Iterable[tuple[str, Sample]], limit: int | None) -> Iterator[tuple[str, Sample]]:
    """Yield the steps of the first `limit` samples, of all where it is None."""
    count = 0
    for name, sample in pairs:
        count += is_first(name)
        if limit is not None and count > limit:
            return
        yield name, sample


def has_steps(samples: SampleSet) -> bool:
    """Tell whether the samples of a set are sequences of steps; a set without the attribute has none."""
    return bool(getattr(samples, "has_steps", False))


def step_of(name: str) -> int | None:
    """Return the number of the step that a name tells, None where it tells none."""
    _, slash, step = name.rpartition("/")
    return int(step) if slash and step.isdecimal() else None


def is_first(name: str) -> bool:
    """Tell whether a step is the first of its sample, at which a state starts anew."""
    return name.rpartition("/")[2] == "0"

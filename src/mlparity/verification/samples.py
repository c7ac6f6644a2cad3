"""The samples of a verification: what the user named, what the source carries, or random ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlparity.core.errors import InputError
from mlparity.core.progress import Progress, silent
from mlparity.core.session import Sample, SampleSet
from mlparity.samples.load import load_samples
from mlparity.samples.memory import Steps, memory_samples
from mlparity.samples.random import random_samples, signature_from_text

RANDOM_COUNT = 8
"""How many random samples are drawn where no number is given (assumed: enough to see an effect, quick to run)."""


@dataclass(frozen=True, slots=True)
class _Example:
    """The one sample that a saved program carries."""

    sample: Sample
    description: str = "the example inputs saved with the source"
    warning: str = "one example input does not reach the ranges where compute units differ: give --inputs"

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[tuple[str, Sample]]:
        yield "example", self.sample


def choose_samples(
    inputs: str | SampleSet | Sequence[Steps] | None,
    input_names: Sequence[str],
    *,
    preprocess: str | None = None,
    shapes: Sequence[str] = (),
    example: Sample | None = None,
    limit: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> SampleSet:
    """Return the samples: `inputs` where given, else random ones of `shapes`, else the source's own example.

    Raises:
        InputError: the samples cannot be read, or nothing tells the inputs' shapes.
    """
    if isinstance(inputs, Sequence) and not isinstance(inputs, str):
        return memory_samples(inputs)
    if inputs is not None and not isinstance(inputs, str):
        return inputs
    if inputs is not None:
        return load_samples(
            inputs,
            input_names=tuple(input_names),
            preprocess="" if preprocess is None else preprocess,
            limit=limit,
            progress=progress,
        )
    if shapes:
        return random_samples(signature_from_text(shapes), RANDOM_COUNT if limit is None else limit, seed)
    if example is not None:
        return _Example(example)
    raise InputError(
        "there are no samples",
        expected=f"samples for the inputs {', '.join(input_names)}",
        next_step=f"give --inputs PATH; or, for random samples, a shape for each input: --shape {_hint(input_names)}",
    )


def _hint(names: Sequence[str]) -> str:
    return f"{names[0] if names else 'x'}:1,3,224,224"

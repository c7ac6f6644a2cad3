"""The seam between the parity wing and whatever runs a model: signatures, samples and sessions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

Sample = Mapping[str, np.ndarray]
"""One set of inputs: input name to array."""

Outputs = dict[str, np.ndarray]
"""What one run gives: output name to array, in the model's own order."""

OUTPUTS_HEADER = "mlparity.json"
"""The array of a file of saved outputs that is none of them: where they come from, as JSON in bytes."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """The name, shape and type of one input or output.

    A dimension of `None` is flexible. `shape` is None, and `dtype` (a numpy name) is "", if a runtime does not tell it.
    A sample may lack an input that `is_optional`. One that `is_state` is the model's own state, which starts at zero.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str
    is_optional: bool = False
    is_state: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs and outputs of a model, in its own order; `outputs` is empty where only a run tells."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a backend can be used here, and why not."""

    ok: bool
    why: str = ""


class Session(Protocol):
    """A loaded model that runs one sample at a time; use it as a context manager."""

    @property
    def signature(self) -> Signature:
        """The inputs and outputs."""
        ...

    @property
    def runtime(self) -> str:
        """The runtime's name and version, as a record shows it."""
        ...

    def run(self, sample: Sample) -> Outputs:
        """Return the outputs of one sample."""
        ...

    def close(self) -> None:
        """Free what the session holds; a second call does nothing."""
        ...


class Closing(ABC):
    """A session that the end of a `with` block closes."""

    __slots__ = ()

    @abstractmethod
    def close(self) -> None:
        """Free what the session holds; a second call does nothing."""

    def __enter__(self) -> Self:
        """Return the session itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the session."""
        self.close()


class SampleSet(Protocol):
    """Samples that can be iterated several times, always in the same order and with the same values.

    Of samples that are sequences each step is yielded by itself, named as `mlparity.core.steps` says.
    """

    @property
    def description(self) -> str:
        """One line for the record: what kind of samples they are, and where they come from."""
        ...

    @property
    def warning(self) -> str:
        """What these samples cannot show, or ""."""
        ...

    def __len__(self) -> int:
        """The number of samples."""
        ...

    def __iter__(self) -> Iterator[tuple[str, Sample]]:
        """Yield (sample's name, sample); the name is a file name where there is one."""
        ...

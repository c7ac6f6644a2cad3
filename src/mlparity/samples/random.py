"""Seeded random samples, for when the user gives none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mlparity.core.errors import InputError
from mlparity.core.session import Sample, Signature, TensorSpec

WARNING = (
    "These are random inputs. They do not reach the ranges in which compute units differ (large activations, rare "
    "branches, confident predictions), so a pass says little. Give real samples before you ship."
)
"""What a record says of random samples."""

_TYPES = frozenset({"float32", "float16", "int32", "int64", "uint8", "bool"})


@dataclass(frozen=True, slots=True)
class RandomSamples:
    """Samples drawn anew, and alike, in each iteration.

    Floats are standard normal; integers and booleans are 0 or 1, which every vocabulary and mask allows.
    """

    specs: tuple[TensorSpec, ...]
    count: int
    seed: int
    warning: str = WARNING

    @property
    def description(self) -> str:
        """The number and the seed."""
        return f"{self.count} random samples, seed {self.seed}"

    def __len__(self) -> int:
        """The number of samples."""
        return self.count

    def __iter__(self) -> Iterator[tuple[str, Sample]]:
        """Yield (`random 0` and so on, sample)."""
        for index in range(self.count):
            generator = np.random.default_rng([self.seed, index])
            yield f"random {index}", {spec.name: _drawn(spec, generator) for spec in self.specs}


def random_samples(signature: Signature, count: int = 8, seed: int = 0) -> RandomSamples:
    """Return seeded random samples for the signature's inputs; flexible dimensions become 1.

    Raises:
        InputError: the signature does not tell a shape or a type.
    """
    unknown = [spec.name for spec in signature.inputs if spec.shape is None or spec.dtype not in _TYPES]
    if unknown or not signature.inputs:
        raise InputError(
            "random samples need the shapes and types of all inputs",
            found=f"{', '.join(unknown) or 'no inputs'}: not known",
            expected=f"a shape and one of {', '.join(sorted(_TYPES))}",
            next_step="give the shapes, as in x:1,3,224,224 or ids:1,64:int32, or give samples",
        )
    return RandomSamples(signature.inputs, count, seed)


def signature_from_text(texts: Iterable[str]) -> Signature:
    """Read `name:1,3,224,224` or `name:1,64:int32`; without a type it is float32, without sizes a scalar.

    Raises:
        InputError: a text has another form, or a name comes twice.
    """
    specs = tuple(_spec(text) for text in texts)
    if len({spec.name for spec in specs}) != len(specs):
        raise InputError("an input is given twice", found=", ".join(spec.name for spec in specs))
    return Signature(specs)


def _spec(text: str) -> TensorSpec:
    match = re.fullmatch(r"(\w+):([\d,]*)(?::(\w+))?", text)
    dtype = match[3] if match and match[3] else "float32"
    if match is None or dtype not in _TYPES:
        raise InputError("an input's shape cannot be read", found=text, expected="x:1,3,224,224 or ids:1,64:int32")
    return TensorSpec(match[1], tuple(int(size) for size in match[2].split(",") if size), dtype)


def _drawn(spec: TensorSpec, generator: np.random.Generator) -> np.ndarray:
    shape = tuple(1 if size is None else size for size in spec.shape or ())
    if np.dtype(spec.dtype).kind == "f":
        return np.asarray(generator.standard_normal(shape), dtype=spec.dtype)
    return np.asarray(generator.integers(0, 2, shape), dtype=spec.dtype)

"""Samples from .npy, .npz and .safetensors files: a file each, or a row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from mlparity.core.errors import BackendUnavailableError, InputError
from mlparity.core.regular_files import check_regular, open_regular
from mlparity.core.saved_keys import checked_once
from mlparity.core.session import OUTPUTS_HEADER, Sample
from mlparity.core.steps import first_samples, keys_by_step
from mlparity.samples.check import check_finite
from mlparity.samples.numbers import as_numbers


@dataclass(frozen=True, slots=True)
class ArraySamples:
    """Samples from array files.

    Each file is one sample, or with `rows` each row of it: axis 0 is cut, and every sample keeps an axis 0 of
    length one. With `has_steps` the keys of each file tell samples and their steps. A `.npy` file has no names; its
    array belongs to `input`. With `finite`, NaN is an error.
    """

    files: tuple[Path, ...]
    input: str
    description: str
    rows: bool = False
    finite: bool = True
    limit: int | None = None
    warning: str = ""
    has_steps: bool = False

    def __len__(self) -> int:
        """The number of samples, or of all their steps; with `rows` and with steps every file is opened."""
        if self.has_steps:
            return sum(1 for _ in self)
        whole = len(self.files) if not self.rows else sum(map(self._rows_of, self.files))
        return whole if self.limit is None else min(whole, self.limit)

    def __iter__(self) -> Iterator[tuple[str, Sample]]:
        """Yield (file name, or `file name[row]`; sample).

        Raises:
            InputError: a file cannot be read, or holds NaN, or text, or arrays with different numbers of rows.
        """
        return first_samples(self._all(), self.limit) if self.has_steps else islice(self._all(), self.limit)

    def _all(self) -> Iterator[tuple[str, Sample]]:
        for path in self.files:
            arrays = read_arrays(path, self.input, narrow=self.finite)
            if self.finite:
                check_finite(arrays, str(path))
            if self.has_steps:
                yield from _steps(path, arrays)
            else:
                yield from _rows(path, arrays) if self.rows else ((path.name, arrays),)

    def _rows_of(self, path: Path) -> int:
        return _row_count(read_arrays(path, self.input), path)


def tells_steps(path: Path, input_name: str) -> bool:
    """Tell whether the keys of an array file are of steps.

    Raises:
        InputError: as `read_arrays`.
    """
    return bool(keys_by_step(read_arrays(path, input_name), str(path)))


def _steps(path: Path, arrays: Sample) -> list[tuple[str, Sample]]:
    named = keys_by_step(arrays, str(path))
    if not named:
        raise InputError(
            "a file has no steps, and the first has",
            where=str(path),
            found=", ".join(arrays),
            expected="keys STEP/NAME or SAMPLE/STEP/NAME",
        )
    return [
        (f"{path.name}/{step}", {name: arrays[key] for name, key in inputs.items()}) for step, inputs in named.items()
    ]


def read_arrays(path: Path, input_name: str, *, narrow: bool = True) -> Sample:
    """Read one file's arrays by name; float64 becomes float32, the widest type of the converted models.

    Without `narrow` it stays: of outputs, a large float64 would become an infinity that it is not.

    Raises:
        InputError: the file cannot be read, is empty, or holds something other than numbers.
    """
    try:
        arrays = READERS[path.suffix.lower()](path, input_name)
    except (InputError, BackendUnavailableError):
        raise
    except Exception as error:  # numpy, zipfile and zlib raise any type, and a claim of terabytes ends in MemoryError
        raise InputError(
            "an array file cannot be read",
            where=str(path),
            found=f"{type(error).__name__}: {error}",
            expected=f"a whole {path.suffix} file without Python objects",
        ) from error
    if not arrays:
        raise InputError("an array file is empty", where=str(path), expected="at least one array")
    return {name: as_numbers(array, f"{name} in {path}", narrow=narrow) for name, array in arrays.items()}


def _npy(path: Path, input_name: str) -> Mapping[str, np.ndarray]:
    if not input_name:
        raise InputError(
            "a .npy file has no input names, and the model's only input is not known",
            where=str(path),
            next_step="save an .npz file with the inputs' names as keys",
        )
    with open_regular(path) as file:
        return {input_name: np.load(file, allow_pickle=False)}


def _npz(path: Path, input_name: str) -> Mapping[str, np.ndarray]:
    del input_name
    # numpy leaves a damaged archive open that it opened itself.
    with open_regular(path) as file, np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in checked_once(archive.files) if name != OUTPUTS_HEADER}


def _safetensors(path: Path, input_name: str) -> Mapping[str, np.ndarray]:
    del input_name
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise BackendUnavailableError(
            ".safetensors files need safetensors", found=str(error), next_step="pip install 'mlparity[safetensors]'"
        ) from error
    return dict(load_file(check_regular(path)))


READERS: Mapping[str, Callable[[Path, str], Mapping[str, np.ndarray]]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".safetensors": _safetensors,
}
"""A reader for each file ending; it takes the path and the name for an array that has none."""


def _row_count(arrays: Sample, path: Path) -> int:
    counts = {name: array.shape[0] if array.ndim else 0 for name, array in arrays.items()}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        raise InputError(
            "the arrays cannot be cut into rows",
            where=str(path),
            found=", ".join(f"{name} {array.shape}" for name, array in arrays.items()),
            expected="the same length of axis 0, above 0, in every array",
        )
    return next(iter(counts.values()))


def _rows(path: Path, arrays: Sample) -> Iterator[tuple[str, Sample]]:
    for row in range(_row_count(arrays, path)):
        yield f"{path.name}[{row}]", {name: array[row : row + 1] for name, array in arrays.items()}

"""Saved outputs, read sample by sample: memory does not grow with their number where the format allows it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from mlparity.core.errors import BackendUnavailableError, InputError
from mlparity.core.regular_files import check_regular, open_regular
from mlparity.core.saved_keys import outputs_by_sample
from mlparity.core.session import OUTPUTS_HEADER, Outputs

LONE_OUTPUT = "output"
"""The name of the output in a `.npy` file, which has none."""


class _Archive(Protocol):
    """An open file of arrays by key."""

    def keys(self) -> Iterable[str]:
        """Return the keys, in the file's order."""
        ...

    def __getitem__(self, key: str) -> np.ndarray:
        """Return one array."""
        ...


class SavedOutputs:
    """The outputs of one file, of one sample at a time and in the types that were saved."""

    def __init__(self, path: Path, archive: _Archive) -> None:
        """Read from an open archive; `path` is for messages."""
        self._path, self._archive = path, archive
        self._keys = outputs_by_sample(key for key in archive.keys() if key != OUTPUTS_HEADER)  # noqa: SIM118  a protocol's

    @property
    def samples(self) -> tuple[str, ...]:
        """The names of the samples; a lone one without a name has that of the file."""
        return tuple(name or self._path.name for name in self._keys)

    def read(self, sample: str) -> Outputs:
        """Return the outputs of a sample.

        Raises:
            InputError: an array cannot be read.
        """
        keys = self._keys[sample] if sample in self._keys else self._keys[""]
        with _explained(self._path):
            return {output: np.asarray(self._archive[key]) for output, key in keys.items()}


@contextmanager
def open_saved(path: Path) -> Iterator[SavedOutputs]:
    """Open a `.npz`, `.npy` or `.safetensors` file of outputs; its keys are `SAMPLE/OUTPUT`, or names of outputs.

    Raises:
        InputError: the file cannot be read, or is empty.
    """
    with ExitStack() as opened:
        with _explained(path):
            saved = SavedOutputs(path, OPENERS[path.suffix.lower()](path, opened))
            if not saved.samples:
                raise InputError("an array file is empty", where=str(path), expected="at least one array")
        yield saved


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (InputError, BackendUnavailableError):
        raise
    except Exception as error:  # as in `read_arrays`: numpy, zipfile and zlib raise any type
        raise InputError(
            "an array file cannot be read",
            where=str(path),
            found=f"{type(error).__name__}: {error}",
            expected=f"a whole {path.suffix} file without Python objects",
        ) from error


class _Zipped:
    """The arrays of an `.npz` file, each read when it is asked for."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def keys(self) -> Iterable[str]:
        return (name.removesuffix(".npy") for name in self._archive.namelist())

    def __getitem__(self, key: str) -> np.ndarray:
        named = f"{key}.npy"
        # A member of another name is an array as well, as numpy sees it, or an error: none is passed over.
        with self._archive.open(named if named in self._archive.NameToInfo else key) as member:
            return np.lib.format.read_array(member, allow_pickle=False)  # type: ignore[no-any-return, no-untyped-call]


def _npz(path: Path, opened: ExitStack) -> _Archive:
    return _Zipped(opened.enter_context(zipfile.ZipFile(opened.enter_context(open_regular(path)))))


def _npy(path: Path, opened: ExitStack) -> _Archive:
    file = opened.enter_context(open_regular(path))
    return {LONE_OUTPUT: np.lib.format.read_array(file, allow_pickle=False)}  # type: ignore[no-untyped-call]


class _Safetensors:
    """The arrays of a `.safetensors` file, each read when it is asked for."""

    def __init__(self, file: object) -> None:
        self._file = file

    def keys(self) -> Iterable[str]:
        return self._file.keys()  # type: ignore[attr-defined, no-any-return]

    def __getitem__(self, key: str) -> np.ndarray:
        return self._file.get_tensor(key)  # type: ignore[attr-defined, no-any-return]


def _safetensors(path: Path, opened: ExitStack) -> _Archive:
    try:
        from safetensors import safe_open
    except ImportError as error:
        raise BackendUnavailableError(
            ".safetensors files need safetensors", found=str(error), next_step="pip install 'mlparity[safetensors]'"
        ) from error
    return _Safetensors(opened.enter_context(safe_open(str(check_regular(path)), framework="numpy")))


OPENERS: Mapping[str, Callable[[Path, ExitStack], _Archive]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".safetensors": _safetensors,
}
"""What opens a file of outputs, by its ending."""

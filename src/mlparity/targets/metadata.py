"""The texts that travel with an artifact: in it where its format can hold them, else in a file beside it.

A `.tflite` is left as it is: rewriting the flatbuffer from Python loses the 16-byte alignment that the format asks of
weights. Source: `force_align: 16` of `Buffer.data`,
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/compiler/mlir/lite/schema/schema.fbs
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import SMALL, check_members, check_regular, open_regular, read_regular
from mlparity.core.writing import write_whole
from mlparity.record.metadata import PREFIX


@dataclass(frozen=True, slots=True)
class Metadata:
    """How a target's artifacts carry texts under `com.mlparity.`.

    `write` replaces those that were there, keeps all others, and returns the file that it wrote; `sha256` is a hash of
    the artifact that they do not change.

    Raises:
        FormatError: the artifact cannot be read.
        OutputError: the file cannot be written; the artifact is left as it was.
    """

    read: Callable[[Path], dict[str, str]]
    write: Callable[[Path, Mapping[str, str]], Path]
    sha256: Callable[[Path], str]


def sidecar_of(path: Path) -> Path:
    """Return the file beside an artifact that carries its metadata."""
    return path.with_name(f"{path.name}.mlparity.json")


def _read(path: Path) -> dict[str, str]:
    if path.exists():
        check_regular(path)
    beside = sidecar_of(path)
    if not beside.exists():
        return {}
    try:
        data = json.loads(read_regular(beside, limit=SMALL))
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(beside, str(error)) from error
    if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
        raise _wrong(beside, "another structure")
    return {name: value for name, value in data.items() if name.startswith(PREFIX)}


def _write(path: Path, metadata: Mapping[str, str]) -> Path:
    beside = sidecar_of(path)
    write_whole(beside, (json.dumps(dict(metadata), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode())
    return beside


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        FormatError: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FormatError("the artifact cannot be read", where=str(path), found=str(error)) from error


def sha256_of_folder(folder: Path, special: Mapping[Path, Callable[[Path], str]]) -> str:
    """Return a hash of the relative path and the SHA-256 of every file in order of path.

    A file that is among `special` counts by the hash of its own function.

    Raises:
        FormatError: a file cannot be read.
        OSError: the same, of the folder.
    """
    whole = hashlib.sha256()
    functions = {path.resolve(): function for path, function in special.items()}
    for file in check_members(folder):
        digest = functions.get(file.resolve(), sha256_of_file)(file)
        whole.update(os.fsencode(file.relative_to(folder).as_posix()) + f"\n{digest}\n".encode())
    return whole.hexdigest()


SIDECAR = Metadata(_read, _write, sha256_of_file)
"""Texts in a file beside the artifact, `<name>.mlparity.json`; the artifact is left as it is."""


def _wrong(path: Path, found: str) -> FormatError:
    return FormatError(
        "the metadata beside the artifact cannot be read",
        where=str(path),
        found=found,
        expected="an object of texts, as mlparity writes it",
        next_step="delete the file and verify the model again",
    )

"""The result of a tuning as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import MEDIUM, read_regular
from mlparity.core.writing import write_whole
from mlparity.record.compression_tuning import CompressionTuning
from mlparity.record.text import plain
from mlparity.record.tuning import Tuning

T = TypeVar("T")

_TYPE = TypeAdapter(Tuning)
_COMPRESSION = TypeAdapter(CompressionTuning)


def write_tuning(tuning: Tuning, path: Path) -> None:
    """Write a tuning as JSON; numbers that are not finite become the texts that records use.

    Raises:
        OutputError: the file cannot be written.
    """
    _write(tuning, path)


def write_compression_tuning(tuning: CompressionTuning, path: Path) -> None:
    """Write a tuning of compression as `write_tuning` does.

    Raises:
        OutputError: the file cannot be written.
    """
    _write(tuning, path)


def _write(tuning: Tuning | CompressionTuning, path: Path) -> None:
    write_whole(path, f"{json.dumps(plain(asdict(tuning)), ensure_ascii=False, indent=1)}\n".encode())


def read_tuning(path: Path) -> Tuning:
    """Return the tuning in a file.

    Raises:
        FormatError: the file cannot be read, or holds no tuning.
    """
    return _read(_TYPE, path)


def read_compression_tuning(path: Path) -> CompressionTuning:
    """Return the tuning of compression in a file.

    Raises:
        FormatError: the file cannot be read, or holds none.
    """
    return _read(_COMPRESSION, path)


def _read(kind: TypeAdapter[T], path: Path) -> T:
    try:
        return kind.validate_python(json.loads(read_regular(path, limit=MEDIUM)))
    except (OSError, ValueError, RecursionError, ValidationError) as error:
        raise FormatError("this is not a tuning", where=str(path), found=str(error).splitlines()[0]) from error

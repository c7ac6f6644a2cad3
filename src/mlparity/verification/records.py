"""A record, wherever it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlparity.core.errors import FormatError
from mlparity.record.files import read_record
from mlparity.record.record import Record
from mlparity.targets.artifacts import read_metadata
from mlparity.targets.table import target_of

_NAME = "record.json"


def whole_record_at(path: Path) -> Record:
    """Return the record in a file or an output folder.

    Raises:
        FormatError: there is none, or `path` is an artifact, which carries only a summary of its record.
    """
    found = record_at(path)
    if isinstance(found, Record):
        return found
    raise FormatError(
        "an artifact carries a summary of its record, not the record",
        where=str(path),
        expected="a record.json, or the folder that verify wrote",
        next_step="give the record.json that was written beside the artifact",
    )


def record_at(path: Path) -> Record | Mapping[str, str]:
    """Return the record in a file or an output folder, or the texts that an artifact carries.

    Raises:
        FormatError: nothing there, or no record in it.
    """
    if target_of(path) is None:
        return read_record(path / _NAME if path.is_dir() else path)
    metadata = read_metadata(path) if path.exists() else {}
    if not metadata:
        raise FormatError(
            "the artifact carries no record",
            where=str(path),
            found="no com.mlparity.* metadata" if path.exists() else "no such file",
            next_step="verify it: mlparity verify SOURCE --artifact PATH --inputs ... --out DIR",
        )
    return metadata

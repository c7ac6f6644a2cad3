"""Records as files, written beside and then renamed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from mlparity.core.errors import FormatError
from mlparity.core.regular_files import MEDIUM, read_regular, reason_of
from mlparity.core.writing import write_whole
from mlparity.record.record import Record
from mlparity.record.text import record_from, text_of


def write_record(record: Record, path: Path) -> None:
    """Write a record as JSON; the file appears whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    write_whole(path, text_of(record).encode())


def read_record(path: Path) -> Record:
    """Return the record in a file.

    Raises:
        FormatError: the file cannot be read, or holds no record that this version understands.
    """
    return read_record_and_sha256(path)[0]


def read_record_and_sha256(path: Path) -> tuple[Record, str]:
    """Return the record in a file, and the SHA-256 of the file's bytes as they are, whichever version wrote them.

    Raises:
        FormatError: as `read_record` does.
    """
    try:
        data = read_regular(path, limit=MEDIUM)
    except OSError as error:
        raise FormatError(
            "the record cannot be read",
            where=str(path),
            found=reason_of(error),
            expected="a record.json as mlparity writes it",
            next_step="check the path; `mlparity verify --out DIR` writes DIR/record.json",
        ) from error
    return record_from(data, str(path)), hashlib.sha256(data).hexdigest()


def record_sha256(record: Record) -> str:
    """Return the SHA-256 of the bytes that `write_record` writes; of the same record again, without writing it out."""
    known, digest = _LAST.get("record", (None, ""))
    if known is not record:
        digest = hashlib.sha256(text_of(record).encode()).hexdigest()
        _LAST["record"] = (record, digest)
    return digest


# Every artifact and report of a verification carries the digest of its one record, which is frozen.
_LAST: dict[str, tuple[Record | None, str]] = {}

"""The record of a verification, wherever it is: a file, a folder, or the metadata of an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlparity.core.boundary import typed_errors
from mlparity.record.changes import Changes
from mlparity.record.record import Record
from mlparity.verification.check import Finding, findings_of, verdict_of
from mlparity.verification.records import changes_at, record_at

__all__ = ["Finding", "check_artifact", "read_any_record", "record_changes", "verdict_of"]


@typed_errors
def read_any_record(path: Path) -> Record | Mapping[str, str]:
    """Return the record in a file or an output folder, or the texts that an artifact carries in its metadata.

    Raises:
        FormatError: there is nothing at `path`, or no record in it.
    """
    return record_at(path)


@typed_errors
def check_artifact(path: Path, unit: str = "", record: Path | None = None) -> tuple[Finding, ...]:
    """Check an artifact against the record that it carries, and against `record` if that is given.

    It is checked that the content is the one that was verified, and that the artifact was verified on `unit`. Without
    `unit` this is the setting that the record recommends. An artifact without a record is `unknown`. Anyone can change
    what an artifact says of itself: with `record`, each of its texts is compared with the record's. A signature beside
    the record can prove that nobody changed the record itself.

    Raises:
        FormatError: there is no such artifact, or the artifact or the record cannot be read.
    """
    return findings_of(path, unit, record)


@typed_errors
def record_changes(before: Path, after: Path) -> Changes:
    """Return what changed from one record of a model, or one folder of a suite, to a later one.

    Raises:
        FormatError: there is no record at a path, it is of a newer schema, or it is not the one that its suite wrote.
        InputError: the records are of different models, or only one path is a suite's folder.
    """
    return changes_at(before, after)

"""A record, wherever it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mlparity.compare.changes import changes_between
from mlparity.compare.suite_changes import suite_changes
from mlparity.core.errors import FormatError, InputError
from mlparity.record.changes import Changes
from mlparity.record.files import read_record
from mlparity.record.record import Record
from mlparity.targets.artifacts import read_metadata
from mlparity.targets.table import target_of
from mlparity.verification.suite_entries import known_models, suite_entries

_NAME = "record.json"


def changes_at(before: Path, after: Path) -> Changes:
    """Return what changed from one record of a model to a later one, or from one folder of a suite to a later one.

    Raises:
        FormatError: there is no record at a path, it is of a newer schema, or it is not the one that its suite wrote.
        InputError: the records are of different models, or only one path is a suite's folder.
    """
    suites = [path for path in (before, after) if known_models(path)]
    if not suites:
        return changes_between(whole_record_at(before), whole_record_at(after))
    if len(suites) == 1:
        raise InputError(
            "a suite is compared with a suite",
            found=f"{suites[0]} is a suite's folder, {after if suites[0] == before else before} is none",
            expected="two folders that `mlparity suite` wrote, or two records",
            next_step=f"give the folder of one model, such as {suites[0] / next(iter(known_models(suites[0])))}",
        )
    return suite_changes(suite_entries(before, known_models(after)), suite_entries(after))


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

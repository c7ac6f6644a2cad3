"""What an earlier run of a suite left in its folder, model by model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from mlparity.core.errors import MlparityError
from mlparity.core.regular_files import MEDIUM, read_regular
from mlparity.record.files import read_record, record_sha256
from mlparity.record.record import Record
from mlparity.record.suite import SuiteEntry
from mlparity.targets.artifacts import artifact_sha256

STATE = "suite.json"
"""What came of each model: its key and the digest of its record, or why it could not be verified."""


def known_models(folder: Path) -> dict[str, dict[str, str]]:
    """Return what the file of a suite's folder says of each model; nothing where there is none, or another file."""
    try:
        found = json.loads(read_regular(folder / STATE, limit=MEDIUM))
        return {name: {key: str(text) for key, text in entry.items()} for name, entry in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, MlparityError):
        return {}


def kept_record(folder: Path, known: Mapping[str, str], key: str) -> Record | None:
    """Return the record of an earlier run of the same key whose results are still there."""
    if not key or known.get("key") != key:
        return None
    try:
        record = read_record(folder / "record.json")
        is_same = record_sha256(record) == known.get("record")
        is_whole = all(artifact_sha256(folder / each.path) == each.sha256 for each in record.artifacts)
    except MlparityError:
        return None
    return record if is_same and is_whole else None


def suite_entries(folder: Path) -> tuple[SuiteEntry, ...]:
    """Return an entry for each model of a suite's folder; a record that the suite did not write is a failure."""
    return tuple(_entry(folder, name, known) for name, known in known_models(folder).items())


def _entry(folder: Path, name: str, known: Mapping[str, str]) -> SuiteEntry:
    if "failure" in known:
        return SuiteEntry(name, None, known["failure"])
    try:
        record = read_record(folder / name / "record.json")
    except MlparityError as error:
        return SuiteEntry(name, None, str(error))
    is_same = record_sha256(record) == known.get("record")
    return SuiteEntry(name, record) if is_same else SuiteEntry(name, None, "its record is not the one that was written")

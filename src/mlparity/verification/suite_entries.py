"""What an earlier run of a suite left in its folder, model by model."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mlparity.core.errors import FormatError, MlparityError
from mlparity.core.regular_files import MEDIUM, read_regular
from mlparity.record.files import read_record_and_sha256
from mlparity.record.record import Record
from mlparity.record.suite import SuiteEntry
from mlparity.targets.artifacts import artifact_sha256

STATE = "suite.json"
"""What came of each model: its key and the digest of its record's file, or why it could not be verified."""

_OLDER = "record"
"""Where an earlier version wrote the digest of a record; such a state has no entry for a model without a key."""


def known_models(folder: Path) -> dict[str, dict[str, str]]:
    """Return what the file of a suite's folder says of each model; nothing where there is none, or another file."""
    try:
        found = json.loads(read_regular(folder / STATE, limit=MEDIUM))
        return {name: {key: str(text) for key, text in entry.items()} for name, entry in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, MlparityError):
        return {}


def known_of(folder: Path, key: str) -> dict[str, str]:
    """Return what is to be known of a model whose results were just written to `folder`.

    Raises:
        FormatError: its record is not there.
    """
    return {"key": key, "sha256": read_record_and_sha256(folder / "record.json")[1]}


def kept_record(folder: Path, known: Mapping[str, str], key: str) -> Record | None:
    """Return the record of an earlier run of the same key whose results are still there."""
    if not key or known.get("key") != key:
        return None
    try:
        record, digest = read_record_and_sha256(folder / "record.json")
        is_same = digest == known.get("sha256")
        is_whole = all(artifact_sha256(folder / each.path) == each.sha256 for each in record.artifacts)
    except MlparityError:
        return None
    return record if is_same and is_whole else None


def suite_entries(folder: Path, others: Iterable[str] = ()) -> tuple[SuiteEntry, ...]:
    """Return an entry for each model of a suite's folder.

    `others` are models of a later run: one that the state does not name is looked for in its folder.

    Raises:
        FormatError: a record cannot be read, or is not the one that the suite wrote.
    """
    known = known_models(folder)
    found = {path.parent.name for path in folder.glob("*/record.json")} - known.keys()
    if not any(_OLDER in entry for entry in known.values()):
        found &= {*others}
    return tuple(_entry(folder, name, known.get(name, {_OLDER: ""})) for name in (*known, *sorted(found)))


def _entry(folder: Path, name: str, known: Mapping[str, str]) -> SuiteEntry:
    if "failure" in known:
        return SuiteEntry(name, None, known["failure"])
    path = folder / name / "record.json"
    record, digest = read_record_and_sha256(path)
    if _OLDER not in known and digest != known.get("sha256"):
        raise FormatError(
            "the record is not the one that the suite wrote",
            where=str(path),
            found=f"SHA-256 {digest}",
            expected=f"{known.get('sha256', 'none')}, as {folder / STATE} says",
            next_step="put the file back, or run the suite again: mlparity suite FILE --out DIR",
        )
    return SuiteEntry(name, record)

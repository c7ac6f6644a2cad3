"""Two suites to what changed between them, model by model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlparity.compare.changes import changes_between
from mlparity.core.errors import InputError
from mlparity.core.words import Verdict
from mlparity.record.changes import Change, ChangeKind, Changes, Direction
from mlparity.record.suite import NOT_VERIFIED, SuiteEntry


def suite_changes(before: Sequence[SuiteEntry], after: Sequence[SuiteEntry]) -> Changes:
    """Return what changed from one run of a suite to a later one; models are matched by their names.

    A model that passed and could not be verified later is worse; of one that is gone, or that is another model under
    the same name, it cannot be told.
    """
    old, new = ({entry.name: entry for entry in entries} for entries in (before, after))
    changes = [
        replace(change, subject=f"{name}: {change.subject}")
        for name in dict.fromkeys([*old, *new])
        for change in _of_model(old.get(name), new.get(name))
    ]
    return Changes(f"{len(new)} models", _last(before), _last(after), tuple(changes))


def _of_model(before: SuiteEntry | None, after: SuiteEntry | None) -> Iterator[Change]:
    if before is None or after is None or before.record is None or after.record is None:
        first, second = _told(before), _told(after)
        if first != second:
            yield Change(ChangeKind.MODEL, _direction(before, after), "model", first, second)
        return
    try:
        yield from changes_between(before.record, after.record).changes
    except InputError as error:
        yield Change(ChangeKind.MODEL, Direction.UNKNOWN, "model", "one model", f"another one: {error.found}")


def _told(entry: SuiteEntry | None) -> str | None:
    if entry is None:
        return None
    return f"{NOT_VERIFIED}: {entry.reason}" if entry.record is None else str(entry.verdict)


def _direction(before: SuiteEntry | None, after: SuiteEntry | None) -> Direction:
    if before is None or (after is not None and before.record is None):
        return Direction.BETTER if before is not None and _passes(after) else Direction.NEITHER
    if after is None:
        return Direction.UNKNOWN
    return Direction.WORSE if _passes(before) else Direction.UNKNOWN


def _passes(entry: SuiteEntry | None) -> bool:
    return entry is not None and entry.verdict is Verdict.PASS


def _last(entries: Sequence[SuiteEntry]) -> str:
    return max((entry.record.created for entry in entries if entry.record is not None), default="")

"""What changed between two records, as a table, as Markdown and in one sentence."""

from __future__ import annotations

import json

from mlparity.core.numbers import format_number
from mlparity.record.changes import Change, Changes, Direction
from mlparity.record.text import plain
from mlparity.report.escaping import escape
from mlparity.report.plain_table import Rows

_ORDER = (Direction.WORSE, Direction.UNKNOWN, Direction.BETTER, Direction.NEITHER)
_MARKS = {
    Direction.WORSE: "worse",
    Direction.UNKNOWN: "cannot be told",
    Direction.BETTER: "better",
    Direction.NEITHER: "",
}
_NO_TIME = "a run without a record"
HEADS = ("what", "of", "before", "after", "direction")
"""The heads of a table of changes."""


def changes_table(changes: Changes) -> Rows:
    """Return a table of the changes, the worse ones first."""
    table = Rows(*HEADS)
    for cells in change_rows(changes):
        table.add_row(*cells)
    return table


def changes_markdown(changes: Changes, title: str = "") -> str:
    """Return the changes as a Markdown section with one table; its title says of which model, unless one is given."""
    lines = [f"## {title or f'{escape(changes.source)}: changes'}", "", changes_sentence(changes), ""]
    if changes.changes:
        lines += [f"| {' | '.join(HEADS)} |", f"|{' --- |' * len(HEADS)}"]
        lines += [f"| {' | '.join(map(escape, cells))} |" for cells in change_rows(changes)]
    return "\n".join(lines).rstrip() + "\n"


def changes_json(changes: Changes) -> str:
    """Return the changes as JSON text."""
    return json.dumps(plain(changes), ensure_ascii=False, allow_nan=False, indent=1)


def changes_sentence(changes: Changes) -> str:
    """Return how many changes there are, and how many got worse."""
    span = f"from {changes.before or _NO_TIME} to {changes.after or _NO_TIME}"
    if not changes.changes:
        return f"Nothing changed {span}."
    counts = {mark: sum(change.direction is mark for change in changes.changes) for mark in _ORDER}
    words = {
        Direction.WORSE: "worse",
        Direction.UNKNOWN: "of unknown direction",
        Direction.BETTER: "better",
        Direction.NEITHER: "neither better nor worse",
    }
    parts = [f"{counts[mark]} {words[mark]}" for mark in _ORDER if counts[mark]]
    number = "1 change" if len(changes.changes) == 1 else f"{len(changes.changes)} changes"
    return f"{number} {span}: {', '.join(parts)}."


def change_rows(changes: Changes) -> list[tuple[str, ...]]:
    """Return the cells of the changes under `HEADS`, the worse ones first."""
    ordered = sorted(changes.changes, key=lambda change: _ORDER.index(change.direction))
    return [
        (
            change.name or str(change.kind),
            change.subject,
            *_values(change),
            _MARKS[change.direction],
        )
        for change in ordered
    ]


def _values(change: Change) -> tuple[str, str]:
    return _text(change.before), _text(change.after)


def _text(value: float | str | None) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else format_number(value, 3)

"""The index of a suite: a line for each model, as HTML, Markdown and JUnit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mlparity.core.numbers import counted
from mlparity.core.words import Verdict
from mlparity.record.decisive import decisive
from mlparity.record.suite import NOT_VERIFIED, SuiteEntry, suite_verdict
from mlparity.report.escaping import escape
from mlparity.report.html import rendered
from mlparity.report.junit import junit_of_suite

COLUMNS = ("model", "verdict", "settings that pass", "cause", "what to know")


def suite_files(entries: Sequence[SuiteEntry]) -> dict[str, str]:
    """Return the files of an index by their names."""
    return {
        "index.md": _markdown(entries),
        "index.html": _html(entries),
        "junit.xml": junit_of_suite([(entry.name, entry.record, entry.failure) for entry in entries]),
    }


def suite_rows(entries: Sequence[SuiteEntry]) -> list[tuple[str, ...]]:
    """Return the cells of each model's line, under `COLUMNS`."""
    return [_row(entry) for entry in entries]


def summary(entries: Sequence[SuiteEntry]) -> str:
    """Return the verdict of all, and how many models it is made of."""
    return f"{suite_verdict(entries)}: {_counts(entries)}"


def _counts(entries: Sequence[SuiteEntry]) -> str:
    counts = {verdict: sum(entry.verdict is verdict for entry in entries if entry.record) for verdict in Verdict}
    lost = sum(entry.record is None for entry in entries)
    parts = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    parts += [f"{lost} {NOT_VERIFIED}"] if lost else []
    return f"{len(entries)} {'model' if len(entries) == 1 else 'models'}, {', '.join(parts)}"


def _row(entry: SuiteEntry) -> tuple[str, ...]:
    record = entry.record
    if record is None:
        return (entry.name, NOT_VERIFIED, "", "", entry.reason)
    rows = decisive(record.settings)
    passing = [str(row.setting) for row in rows if row.verdict is Verdict.PASS]
    notes = [counted(record.samples.count, "sample"), f"policy {record.policy.name}"]
    notes += ["unchanged since an earlier run"] if entry.is_kept else []
    settings = f"{len(passing)} of {len(rows)}"
    return (entry.name, str(record.verdict), settings, str(record.cause.kind), ", ".join(notes))


def _markdown(entries: Sequence[SuiteEntry]) -> str:
    lines = [f"# {escape(summary(entries))}", "", f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}"]
    for entry, row in zip(entries, suite_rows(entries), strict=True):
        cells = [escape(cell) for cell in row]
        if entry.record is not None:
            cells[0] = f"[{cells[0]}]({quote(entry.name)}/report.md)"
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Line:
    """A model's line on the page; `href` is "" and `settings` too where there is no record."""

    name: str
    href: str
    verdict: Verdict
    word: str
    settings: str
    cause: str
    note: str


def _html(entries: Sequence[SuiteEntry]) -> str:
    return rendered(
        "suite.html.j2",
        summary=summary(entries),
        counts=_counts(entries),
        verdict=suite_verdict(entries),
        columns=COLUMNS,
        lines=[_line(entry, row) for entry, row in zip(entries, suite_rows(entries), strict=True)],
    )


def _line(entry: SuiteEntry, row: tuple[str, ...]) -> _Line:
    name, word, settings, cause, note = row
    href = "" if entry.record is None else f"{quote(entry.name)}/report.html"
    return _Line(name, href, entry.verdict, word, settings, cause, note if href else entry.failure)

"""The index of a suite: a line for each model, as HTML, Markdown and JUnit."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as escape_html
from urllib.parse import quote

from mlparity.core.words import Verdict
from mlparity.record.decisive import decisive
from mlparity.record.suite import SuiteEntry, suite_verdict
from mlparity.report.escaping import escape
from mlparity.report.junit import junit_of_suite

COLUMNS = ("model", "verdict", "settings that pass", "cause", "what to know")

NOT_VERIFIED = "not verified"
"""What stands in the place of a verdict where there is no record."""


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
    counts = {verdict: sum(entry.verdict is verdict for entry in entries if entry.record) for verdict in Verdict}
    lost = sum(entry.record is None for entry in entries)
    parts = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    parts += [f"{lost} {NOT_VERIFIED}"] if lost else []
    return f"{suite_verdict(entries)}: {len(entries)} models, {', '.join(parts)}"


def _row(entry: SuiteEntry) -> tuple[str, ...]:
    record = entry.record
    if record is None:
        return (entry.name, NOT_VERIFIED, "", "", " ".join(entry.failure.split()))
    rows = decisive(record.settings)
    passing = [str(row.setting) for row in rows if row.verdict is Verdict.PASS]
    notes = [f"{record.samples.count} samples", f"policy {record.policy.name}"]
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


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #ccc; padding: .4rem .6rem; text-align: left; vertical-align: top; }}
.pass {{ color: #176b2c; }} .fail {{ color: #a31515; }} .unknown {{ color: #7a5200; }}
</style></head><body><h1>{title}</h1><table><thead><tr>{head}</tr></thead><tbody>
{body}
</tbody></table></body></html>
"""


def _html(entries: Sequence[SuiteEntry]) -> str:
    lines = []
    for entry, row in zip(entries, suite_rows(entries), strict=True):
        name, verdict, *rest = map(escape_html, row)
        link = name if entry.record is None else f'<a href="{quote(entry.name)}/report.html">{name}</a>'
        cells = [f'<th scope="row">{link}</th>', f'<td class="{entry.verdict}">{verdict}</td>']
        cells += [f"<td>{cell}</td>" for cell in rest]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f'<th scope="col">{escape_html(column)}</th>' for column in COLUMNS)
    return _PAGE.format(title=escape_html(summary(entries)), head=head, body="\n".join(lines))

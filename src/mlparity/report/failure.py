"""A verification that did not pass, in a few lines: for the output of a test."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.core.numbers import counted
from mlparity.core.words import Verdict
from mlparity.record.changes import Direction
from mlparity.record.record import Record
from mlparity.report.causes import cause_sentence
from mlparity.report.changes import change_rows, changes_sentence
from mlparity.report.decision import recommendation_text
from mlparity.report.remedies import remedies_of
from mlparity.report.rows import patterns_of, remarks_of, rows_of
from mlparity.report.texts import one_line

_MOST = 4
"""Reasons, and changes, that are listed."""


def failure_text(record: Record, report: str = "") -> str:
    """Return what differs, by how much, what was allowed, why, and what to do, in at most 15 lines.

    `report` is the path of the report, "" where none was kept.
    """
    return "\n".join((*_lines(record), f"report: {report or 'not kept; `out` names a folder for it'}"))


def _lines(record: Record) -> Iterator[str]:
    samples = counted(record.samples.count, "sample")
    yield f"{record.source.name}: {record.verdict} under the policy {record.policy.name!r} on {samples}"
    yield from _reasons(record)
    yield f"cause: {record.cause.kind}. {cause_sentence(record)}"
    remedies = remedies_of(record)
    if remedies:
        yield f"what to do: {' '.join(remedies)}"
    yield f"recommended: {recommendation_text(record)}"
    yield from _changes(record)


def _reasons(record: Record) -> Iterator[str]:
    passing = (str(Verdict.PASS), "neutral")
    remarks = [remark for remark in remarks_of(rows_of(record)) if remark.chip not in passing]
    for remark in remarks[:_MOST]:
        yield f"{', '.join(patterns_of(remark.settings, record))}: {one_line(remark.text)}"
    if len(remarks) > _MOST:
        yield f"and {len(remarks) - _MOST} more reasons"


def _changes(record: Record) -> Iterator[str]:
    if record.changes is None or record.changes.verdict is Verdict.PASS:
        return
    yield f"since the earlier record: {changes_sentence(record.changes)}"
    bad = (Direction.WORSE, Direction.UNKNOWN)
    count = sum(change.direction in bad for change in record.changes.changes)
    for what, subject, before, after, direction in change_rows(record.changes)[: min(count, _MOST)]:
        yield f"- {subject}: {what} {before}, now {after}: {direction}"

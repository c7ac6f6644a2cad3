"""What was found of the conversions of a script, in a few lines each."""

from __future__ import annotations

from collections.abc import Iterator

from mlparity.core.words import Verdict
from mlparity.record.record import Record
from mlparity.report.failure import failure_text


def conversion_lines(source: str, record: Record | None, failure: str, report: str) -> Iterator[str]:
    """Yield one conversion: one line if it passes, else what differs and why, or why it could not be verified."""
    if record is None:
        yield f"{source}: could not be verified: {failure}"
    elif record.verdict is Verdict.PASS:
        names = ", ".join(str(row.setting) for row in record.settings if row.verdict is Verdict.PASS)
        yield f"{source}: pass in {names}; report: {report}"
    else:
        yield from failure_text(record, report).splitlines()

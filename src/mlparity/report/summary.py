"""A record in three lines."""

from __future__ import annotations

from mlparity.record.record import Record
from mlparity.report.causes import cause_sentence
from mlparity.report.decision import recommendation_text


def summary_of(record: Record) -> str:
    """Return a record as three lines of text: the verdict, why the artifacts differ, and what to ship."""
    lines = (f"{record.verdict} ({record.policy.name})", cause_sentence(record), recommendation_text(record))
    return "\n".join(lines)

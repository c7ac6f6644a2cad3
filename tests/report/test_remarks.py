"""What is said of the settings: limits that broke before notes, each once."""

from __future__ import annotations

from dataclasses import replace

from mlparity.core.words import Verdict
from mlparity.report.rows import remarks_of, rows_of
from tests.record.example import example_record

RECORD = example_record()


def test_limits_that_broke_come_before_notes() -> None:
    rows = tuple(replace(row, note="state fp16") for row in RECORD.settings)
    remarks = [each for each in remarks_of(rows_of(replace(RECORD, settings=rows))) if each.chip == str(Verdict.FAIL)]
    texts = [remark.text for remark in remarks]
    assert len(texts) > 1
    assert texts[-1].startswith("state fp16")
    assert not any(text.startswith("state fp16") for text in texts[:-1])

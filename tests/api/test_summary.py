"""A record in words, for users of Python."""

from __future__ import annotations

import mlparity
from tests.record.example import example_record


def test_a_summary_has_the_verdict_the_cause_and_the_setting_to_ship() -> None:
    record = example_record()
    verdict, cause, advice = mlparity.summary_of(record).splitlines()
    assert verdict == "pass (consistency)"
    assert cause == mlparity.cause_text(record.cause, record.settings)
    assert advice.startswith(f"Ship {record.recommendation.setting}:")

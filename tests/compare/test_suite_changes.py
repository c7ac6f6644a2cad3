"""What changed between two runs of a suite."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlparity.compare.suite_changes import suite_changes
from mlparity.core.words import Verdict
from mlparity.record.changes import Change, ChangeKind, Direction
from mlparity.record.suite import SuiteEntry
from mlparity.report.changes import changes_sentence
from tests.record.example import example_record

RECORD = replace(example_record(), verdict=Verdict.PASS)
GOOD = SuiteEntry("net", RECORD)
BAD = SuiteEntry("net", replace(RECORD, verdict=Verdict.FAIL))
LOST = SuiteEntry("net", None, "the factory raised an error\n  found: no weights")
WHY = "not verified: the factory raised an error; found: no weights"


def changes(before: SuiteEntry | None, after: SuiteEntry | None) -> tuple[Change, ...]:
    return suite_changes(*([] if each is None else [each] for each in (before, after))).changes


def test_equal_suites_have_no_changes() -> None:
    found = suite_changes([GOOD, replace(LOST, name="lost")], [replace(GOOD, is_kept=True), replace(LOST, name="lost")])
    assert (found.source, found.changes, found.verdict) == ("2 models", (), Verdict.PASS)
    assert found.before == found.after == RECORD.created


def test_runs_without_a_record_have_words_for_their_times() -> None:
    found = suite_changes([LOST], [replace(LOST, failure="other")])
    told = "from a run without a record to a run without a record"
    assert changes_sentence(found) == f"1 change {told}: 1 neither better nor worse."
    assert changes_sentence(suite_changes([LOST], [LOST])) == f"Nothing changed {told}."


def test_a_change_of_a_model_s_record_is_told_with_its_name() -> None:
    assert changes(GOOD, BAD) == (Change(ChangeKind.VERDICT, Direction.WORSE, "net: all", "pass", "fail"),)


@pytest.mark.parametrize(
    ("before", "after", "direction", "texts"),
    [
        (GOOD, LOST, Direction.WORSE, ("pass", WHY)),
        (BAD, LOST, Direction.UNKNOWN, ("fail", WHY)),
        (LOST, GOOD, Direction.BETTER, (WHY, "pass")),
        (LOST, BAD, Direction.NEITHER, (WHY, "fail")),
        (LOST, replace(LOST, failure="other"), Direction.NEITHER, (WHY, "not verified: other")),
        (
            *(LOST, replace(LOST, failure="the factory raised an error\n  found: no file"), Direction.NEITHER),
            (WHY, "not verified: the factory raised an error; found: no file"),
        ),
        (GOOD, None, Direction.UNKNOWN, ("pass", None)),
        (LOST, None, Direction.UNKNOWN, (WHY, None)),
        (None, GOOD, Direction.NEITHER, (None, "pass")),
        (None, LOST, Direction.NEITHER, (None, WHY)),
    ],
)
def test_what_became_of_a_model_without_two_records(
    before: SuiteEntry | None, after: SuiteEntry | None, direction: Direction, texts: tuple[str | None, str | None]
) -> None:
    assert changes(before, after) == (Change(ChangeKind.MODEL, direction, "net: model", *texts),)


def test_another_model_under_the_same_name_is_not_compared() -> None:
    (change,) = changes(GOOD, SuiteEntry("net", example_record("resnet")))
    assert (change.kind, change.direction) == (ChangeKind.MODEL, Direction.UNKNOWN)
    assert "resnet" in str(change.after)

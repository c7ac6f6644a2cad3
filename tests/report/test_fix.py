"""What is said of cures: that there is none, why not, and what to change in a source whose own doing the cause is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlparity.core.words import Precision, Verdict
from mlparity.record.causes import Cause, CauseKind
from mlparity.record.fix import Attempt, Fix
from mlparity.record.record import Record
from mlparity.report.fix import fix_lines
from tests.record.example import example_record

RECORD = example_record()
PASSING = next(row.setting for row in RECORD.settings if row.verdict is Verdict.PASS)
FAILED = Attempt("converted again", Precision.FP32, Verdict.FAIL, 0.5)


def caused(kind: CauseKind, fix: Fix | None) -> Record:
    rows = tuple(replace(row, causes=(Cause(kind, ()),)) for row in RECORD.settings)
    return replace(RECORD, settings=rows, fix=fix)


def test_nothing_is_said_where_nobody_asked() -> None:
    assert list(fix_lines(RECORD)) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (CauseKind.BRANCH, "write the branch with tensors"),
        (CauseKind.ORDER, "sort in the source"),
        (CauseKind.SOURCE, "set_fastpath_enabled(False)"),
        (CauseKind.NONDETERMINISM, "random numbers"),
    ],
)
def test_a_source_whose_own_doing_it_is_has_to_change(kind: CauseKind, words: str) -> None:
    cure, tried = fix_lines(caused(kind, Fix(None, attempts=(FAILED,))))
    assert cure.startswith("No cure was found here: no conversion by plain calls restores the policy. The source")
    assert words in cure
    assert tried == "converted again: does not pass, max difference 0.5"


def test_a_cure_says_nothing_of_the_source() -> None:
    passed = replace(FAILED, verdict=Verdict.PASS, max_abs=0.25)
    cure, _ = fix_lines(caused(CauseKind.BRANCH, Fix(PASSING, "c", "fix.py", "f", "", 0.5, 0.25, (passed,))))
    assert "The source" not in cure


def test_a_target_without_other_conversions_says_so() -> None:
    [cure] = fix_lines(caused(CauseKind.CONVERTER, Fix(None)))
    assert cure == "No cure was found here: there is no other conversion by plain calls to try."

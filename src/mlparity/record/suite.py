"""What came of one model of a suite, and of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlparity.core.words import Verdict
from mlparity.record.record import Record

NOT_VERIFIED = "not verified"
"""What stands in the place of a verdict where there is no record."""


@dataclass(frozen=True, slots=True)
class SuiteEntry:
    """One model by its name: its record, or why it could not be verified.

    `is_kept` tells that nothing has changed since an earlier run, whose record it is.
    """

    name: str
    record: Record | None
    failure: str = ""
    is_kept: bool = False

    @property
    def verdict(self) -> Verdict:
        """The record's verdict; a model that could not be verified is `unknown`."""
        return Verdict.UNKNOWN if self.record is None else self.record.verdict

    @property
    def reason(self) -> str:
        """The whole failure in one line."""
        return "; ".join(filter(None, map(str.strip, self.failure.splitlines())))


def suite_verdict(entries: Iterable[SuiteEntry]) -> Verdict:
    """Return `fail` if one model fails, else `unknown` if one is, or if there is none, else `pass`."""
    verdicts = {entry.verdict for entry in entries}
    if Verdict.FAIL in verdicts:
        return Verdict.FAIL
    return Verdict.PASS if verdicts == {Verdict.PASS} else Verdict.UNKNOWN

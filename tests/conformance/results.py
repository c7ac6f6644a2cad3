"""What is recorded of coremltools' tests, and which part of them one process takes."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tests.conformance.subject import Subject

_BUILD = Path(__file__).parents[2] / "build" / "conformance"

RESULTS = Path(os.environ.get("CONFORMANCE_RESULTS", _BUILD / Subject.from_environment().folder))
"""Where the parts' files lie; any number of runs adds to them."""


class Outcome(StrEnum):
    """How one test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    CRASHED = "crashed"
    UNCOLLECTED = "uncollected"

    @classmethod
    def of(cls, reports: Sequence[Any]) -> Outcome:
        """Return the outcome that the reports of a test's phases add up to.

        A test that passes though its authors expected a failure counts as passed.
        """
        if any(report.failed and not hasattr(report, "wasxfail") for report in reports):
            return cls.FAILED
        if any(report.skipped and hasattr(report, "wasxfail") for report in reports):
            return cls.XFAILED
        return cls.SKIPPED if any(report.skipped for report in reports) else cls.PASSED


BAD = frozenset({Outcome.FAILED, Outcome.CRASHED, Outcome.UNCOLLECTED})
"""The outcomes that the ledger must explain."""


@dataclass(frozen=True, slots=True)
class Result:
    """One test: pytest's name of it, the outcome, how often it predicted, how long it took, and why it failed."""

    test: str
    outcome: Outcome
    predictions: int
    seconds: float
    reason: str

    @property
    def file(self) -> str:
        """The file of the test, below the installed coremltools."""
        return self.test.split("::")[0]

    def as_json(self) -> dict[str, object]:
        """Return the line that is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Part:
    """The tests whose name's hash is `number` - 1 modulo `count`, of all suites unless of `some`.

    With `retry`, bad ones are run again.
    """

    number: int
    count: int
    retry: bool = False
    some: bool = False

    @classmethod
    def from_text(cls, text: str) -> Part:
        """Read `3/16`, which the words `retry` and `some` may follow.

        Raises:
            ValueError: it is not of that form, or the number is outside of 1 to the count.
        """
        shard, *words = text.split() or [""]
        number, _, count = shard.partition("/")
        are_numbers = number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)
        if not are_numbers or not {*words} <= {"retry", "some"}:
            raise ValueError(f"a shard is written K/N with K from 1 to N, as in 3/16; found {text!r}")
        return cls(int(number), int(count), "retry" in words, "some" in words)

    def __str__(self) -> str:
        """Return the text that `from_text` reads."""
        words = [word for word, holds in (("retry", self.retry), ("some", self.some)) if holds]
        return " ".join([f"{self.number}/{self.count}", *words])

    def holds(self, test: str) -> bool:
        """Return whether the test is of this part."""
        return zlib.crc32(test.encode()) % self.count == self.number - 1

    def file(self) -> Path:
        """Return the file that this part's results go to."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        return RESULTS / f"{self.number}-of-{self.count}{'-some' if self.some else ''}.jsonl"

    def done(self, results: Mapping[str, Result]) -> frozenset[str]:
        """Return the tests that need not run."""
        return frozenset(name for name, each in results.items() if not (self.retry and each.outcome in BAD))

    def split(self, jobs: int) -> tuple[Part, ...]:
        """Return this part as `jobs` parts that can run side by side."""
        return tuple(
            replace(self, number=self.number + self.count * job, count=self.count * jobs) for job in range(jobs)
        )


def read_results(folder: Path = RESULTS) -> dict[str, Result]:
    """Return every recorded test by name; of several results the newest file's last one counts."""
    found: dict[str, Result] = {}
    for path in sorted(folder.glob("*.jsonl"), key=lambda each: each.stat().st_mtime):
        for line in path.read_text(encoding="utf-8").splitlines():
            fields = json.loads(line)
            if "test" in fields:
                found[fields["test"]] = Result(**fields | {"outcome": Outcome(fields["outcome"])})
    return found


def recorded_parts(folder: Path = RESULTS) -> list[Part]:
    """Return the parts of all suites that ran to their end: all that was left at their last start is recorded."""
    found = []
    for path in folder.glob("*-of-*.jsonl"):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        starts = [place for place, line in enumerate(lines) if "selected" in line]
        ended = sum("test" in line for line in lines[starts[-1] :]) if starts else 0
        if not path.stem.endswith("-some") and starts and ended >= lines[starts[-1]]["left"]:
            number, count = path.stem.split("-of-")
            found.append(Part(int(number), int(count)))
    return found


def interrupted(part: Part) -> str | None:
    """Return the test that was running when the process of `part` ended, None where it ended between two."""
    lines = part.file().read_text(encoding="utf-8").splitlines() if part.file().exists() else []
    last = json.loads(lines[-1]) if lines else {}
    return last.get("started")

"""What is different between two records of one model, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mlparity.core.words import Verdict


class ChangeKind(StrEnum):
    """What changed: a model of a suite, what its verification depends on, or something that was found."""

    MODEL = "model"
    VERSION = "version"
    SOURCE = "source"
    SAMPLES = "samples"
    POLICY = "policy"
    CONVERSION = "conversion"
    SETTING = "setting"
    VERDICT = "verdict"
    FIGURE = "figure"
    CAUSE = "cause"
    RECOMMENDATION = "recommendation"


class Direction(StrEnum):
    """Whether a change is for the better; `unknown` if it cannot be told, `neither` if it is just another value."""

    BETTER = "better"
    WORSE = "worse"
    UNKNOWN = "unknown"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs between two records.

    `subject` names it, such as a package, a setting, or a setting and an output. `name` is the metric of a figure, else
    "". `before` and `after` are numbers for a figure, and text for everything else; None stands for no value.
    """

    kind: ChangeKind
    direction: Direction
    subject: str
    before: float | str | None
    after: float | str | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes from one record to a later one; the records are told by the time when they were made (ISO 8601).

    Of two suites `source` says how many models there are, and each subject begins with its model's name; their times
    are those of the last record in each, "" where there is none.
    """

    source: str
    before: str
    after: str
    changes: tuple[Change, ...]

    @property
    def verdict(self) -> Verdict:
        """`fail` if anything got worse, `unknown` if that cannot be told of something, else `pass`."""
        directions = {change.direction for change in self.changes}
        if Direction.WORSE in directions:
            return Verdict.FAIL
        return Verdict.UNKNOWN if Direction.UNKNOWN in directions else Verdict.PASS

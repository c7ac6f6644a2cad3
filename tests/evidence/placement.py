"""Placement probes: the share of ops that the rules leave on the Neural Engine, beside the published one."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from mlparity.core.errors import InputError, MlparityError
from mlparity.engine.mil.program import Function
from mlparity.engine.numerics import CHIPS
from mlparity.engine.placement.ruled import UNABLE, Grounds, Ruled, grounds_of
from mlparity.engine.placement.rules import NEWEST_MACOS, Limits
from mlparity.engine.placement.variants import DEFAULT_CHIP
from mlparity.engine.reading import read_program
from tests.evidence.placement_networks import network_of
from tests.evidence.tables import rows_of, unknown

CSV = Path(__file__).with_name("placement_probes.csv")
COLUMNS = ("id", "chip", "os", "network", "ane_percent", "reason", "source")

TOLERANCE = 5.0
"""How many points a share may be off."""

_SIZE = frozenset({"graph size", "neighbours"})
_COMPILING = frozenset({"lowered width, whole graph", UNABLE})

REASONS: Mapping[str, frozenset[str]] = {
    r"dilated|space-to-batch implementation": frozenset({"dilation"}),
    r"W = |outside \[|not within supported range": frozenset({"lowered width"}),
    r"compil\w+ .*failed|ANECCompile|as a whole": _COMPILING,
    r"too small|scheduler|left on the CPU|\bsize\b": _SIZE,
    r"rejected|not supported|unsupported": frozenset({UNABLE}),
    r"\bGiB\b|package size|silently on the CPU": frozenset({"package size"}),
}
"""What a reason says, by a form of words, and the rules that each stands for one of."""

CANDIDATES: Mapping[tuple[str, ...], tuple[float, ...]] = {
    ("graph size", "neighbours"): tuple(range(20, 401, 20)),
    ("dilation",): tuple(range(1, 9)),
    ("lowered width, whole graph",): tuple(range(16384, 32769, 1024)),
}
"""The limits that are fitted anew where a row is left out, and what they may be."""


class Result(StrEnum):
    """What became of a row."""

    REPRODUCED = "reproduced"
    SHARE = "other share"
    REASON = "other reason"
    NOT_COUNTABLE = "not countable"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Probe:
    """A row, and its network; `problem` says why there is none."""

    row: Mapping[str, str]
    function: Function | None
    problem: str = ""
    kept: dict[tuple[tuple[str, float], ...], Result] = field(default_factory=dict)

    @property
    def is_countable(self) -> bool:
        """Whether the row says a share."""
        return bool(self.row["ane_percent"].strip())

    @cached_property
    def grounds(self) -> Grounds | None:
        """What the rules look at."""
        return None if self.function is None else grounds_of(self.function, chip_of(self.row))

    def ruled(self, limits: Limits) -> tuple[Ruled, ...]:
        """Return where each op runs under other limits than the table's."""
        return () if self.grounds is None else self.grounds.ruled(macos_of(self.row), limits)

    def result(self, limits: Limits) -> Result:
        """Return what becomes of the row under other limits than the table's."""
        key = tuple(sorted(limits.items()))
        if key not in self.kept:
            self.kept[key] = self._result(self.ruled(limits))
        return self.kept[key]

    def _result(self, placed: Sequence[Ruled]) -> Result:
        if not self.is_countable:
            return Result.NOT_COUNTABLE
        if not placed:
            return Result.NOT_RUN
        if abs(share_of(placed) - percent_of(self.row)) > TOLERANCE:
            return Result.SHARE
        moved = {each.rule for each in placed if each.rule}
        said = reasons_of(self.row)
        is_right = said is not None and all(moved & rules for rules in said) and (bool(said) or not moved)
        return Result.REPRODUCED if is_right else Result.REASON


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row, what became of it, and what the rules say: the share, and how many ops each rule moved."""

    row: Mapping[str, str]
    result: Result
    share: float | None
    moved: Mapping[str, int]
    problem: str
    is_right_when_left_out: bool | None


def outcomes(path: Path, packages: Path | None = None, *, leave_out: bool = True) -> Iterator[Outcome]:
    """Yield what becomes of each row.

    Raises:
        InputError: no such table or folder, columns are missing, or a row that says what nothing is known of.
    """
    probes = probes_of(path, packages)
    countable = [probe for probe in probes if probe.is_countable and probe.function is not None]
    for probe in probes:
        placed = probe.ruled({})
        right = None
        if leave_out and probe.is_countable:
            others = [each for each in countable if each is not probe]
            right = probe.result(fitted(others)) is Result.REPRODUCED
        moved = Counter(each.rule for each in placed if each.rule)
        share = share_of(placed) if placed else None
        yield Outcome(probe.row, probe.result({}), share, moved, probe.problem, right)


def probes_of(path: Path, packages: Path | None) -> list[Probe]:
    """Return the rows of a table with their networks, each from a package `ID.mlpackage` where the folder has one."""
    if packages is not None and not packages.is_dir():
        raise InputError("there is no such folder of packages", found=str(packages), next_step="check --packages")
    probes = [_probe(row, packages) for row in rows_of(path, COLUMNS)]
    for probe in probes:
        chip_of(probe.row)
        if probe.is_countable:
            percent_of(probe.row)
    return probes


def _probe(row: Mapping[str, str], packages: Path | None) -> Probe:
    package = None if packages is None else packages / f"{row['id']}.mlpackage"
    try:
        if package is not None and package.exists():
            program = read_program(package)
            return Probe(row, program.functions[program.default_function])
        function = network_of(row)
    except MlparityError as error:
        return Probe(row, None, str(error).replace("\n", " "))
    except ValueError as error:
        raise unknown(row, "network", f"lengths that it can have ({error})") from error
    if function is None:
        return Probe(row, None, "the description is none of the known forms, and no package is given")
    if row.get("precision") not in (None, "", "fp16"):
        return Probe(row, None, f"only fp16 is built, and the row says {row['precision']}; give a package")
    return Probe(row, function)


def fitted(probes: Sequence[Probe]) -> Limits:
    """Return the limits that reproduce most of these rows, each fitted with the others at the table's.

    Of equal ones the middle. A limit that changes nothing stays the table's.
    """
    found: dict[str, float] = {}
    for names, values in CANDIDATES.items():
        right = {
            value: sum(probe.result(dict.fromkeys(names, value)) is Result.REPRODUCED for probe in probes)
            for value in values
        }
        best = [value for value, count in right.items() if count == max(right.values())]
        if len(best) < len(values):
            found |= dict.fromkeys(names, statistics.median_low(best))
    return found


def share_of(placed: Sequence[Ruled]) -> float:
    """Return the percentage of ops on the engine."""
    return 100 * sum(each.on_engine for each in placed) / len(placed)


def percent_of(row: Mapping[str, str]) -> float:
    """Return the published share.

    Raises:
        InputError: no number from 0 to 100.
    """
    try:
        percent = float(row["ane_percent"])
    except ValueError as error:
        raise unknown(row, "ane_percent", "a number from 0 to 100") from error
    if not 0 <= percent <= 100:
        raise unknown(row, "ane_percent", "a number from 0 to 100")
    return percent


def chip_of(row: Mapping[str, str]) -> str:
    """Return the chip that a row names, perhaps with more words behind; the default one for "any" and for a phone.

    Raises:
        InputError: a chip that nothing is known of.
    """
    named = [name for name in CHIPS if re.match(rf"{name}\b", row["chip"])]
    if named:
        return max(named, key=len)
    if re.match(r"[MA]\d", row["chip"]):
        raise unknown(row, "chip", ", ".join(CHIPS))
    return DEFAULT_CHIP


def macos_of(row: Mapping[str, str]) -> int:
    """Return the first number of the row's system; iOS counts as macOS does from 26 on."""
    said = re.search(r"(\d+)", row["os"])
    return int(said[1]) if said else NEWEST_MACOS


def reasons_of(row: Mapping[str, str]) -> list[frozenset[str]] | None:
    """Return, for each reason that a row says, the rules that it stands for one of; None where it is of no known form.

    That all ops are there needs no reason.
    """
    text = row["reason"].strip()
    found = [rules for form, rules in REASONS.items() if re.search(form, text, re.IGNORECASE)]
    return found if found or not text else None

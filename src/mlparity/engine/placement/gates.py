"""What is known of each op and each limit of the Neural Engine, by generation: two tables, a source in every row."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mlparity.engine.numerics import CHIPS

GENERATIONS: Mapping[str, str] = {"M1": "M1", "M2": "M2", "M3": "M3", "M4": "M4", "M5": "M4", "M6": "M4"}
"""A chip to its column in the tables: M4 and M5 share one there, and M6 is assumed to share it too."""


def generation_of(chip: str) -> str:
    """Return the column of a chip: its own, or that of the chip whose evidence stands for it."""
    return GENERATIONS[chip if chip in GENERATIONS else CHIPS[chip].stands_for]


@dataclass(frozen=True, slots=True)
class Gate:
    """One op: its way onto the engine by generation, and what became of a program of that op alone.

    `ways` holds "native", "bridge" (no code of its own), "gated" (later chips only), "none", or "" (not known).
    `alone` is "runs", "none" or "" (not tried), on a chip of M3 or later.
    """

    op: str
    ways: Mapping[str, str]
    alone: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest value that the engine takes, by generation."""

    name: str
    most: Mapping[str, int]
    evidence: str


@cache
def gates() -> Mapping[str, Gate]:
    """Return the table of ops by MIL name."""
    return {row["op"]: Gate(row["op"], _columns(row), row["alone"], row["evidence"]) for row in _rows("gates.csv")}


@cache
def limits() -> Mapping[str, Limit]:
    """Return the table of limits: the rank of a tensor, the size of an axis, the width of a kernel."""
    return {
        row["limit"]: Limit(
            row["limit"],
            {name: int(most) for name, most in _columns(row).items()},
            f"{row['confidence']}, {row['evidence']}",
        )
        for row in _rows("limits.csv")
    }


def _columns(row: Mapping[str, str]) -> dict[str, str]:
    return {name: row[name] for name in dict.fromkeys(GENERATIONS.values())}


def _rows(name: str) -> list[dict[str, str]]:
    with files(__package__).joinpath(name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))

"""The results of one room, kept in a file under build/mutants."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutants.mutations import Mutation
from tests.mutants.pool import COPIES, Result
from tests.mutants.rooms import Room


@dataclass(frozen=True, slots=True)
class Ledger:
    """What became of a room's mutations, of which there are `total`; the last result of each counts."""

    room: Room
    file: Path
    total: int
    found: dict[str, dict[str, str | int]] = field(default_factory=dict)

    @classmethod
    def of(cls, room: Room, mutations: Sequence[Mutation], *, fresh: bool) -> Ledger:
        """Return the ledger of a room with what earlier runs found of these mutations."""
        ledger = cls(room, COPIES / f"{room.name}.jsonl", len(mutations))
        if fresh:
            ledger.file.unlink(missing_ok=True)
        wanted = {_key(each) for each in mutations}
        lines = ledger.file.read_text(encoding="utf-8").splitlines() if ledger.file.exists() else []
        entries = [json.loads(line) for line in lines]
        ledger.found.update({entry["key"]: entry for entry in entries if entry["key"] in wanted})
        return ledger

    def outcome(self, mutation: Mutation) -> str:
        """Return what became of a mutation, "" where it was not tried."""
        return str(self.found.get(_key(mutation), {}).get("outcome", ""))

    def add(self, result: Result) -> None:
        """Keep a result."""
        made = result.mutation
        entry: dict[str, str | int] = {
            "key": _key(made),
            "path": str(made.path),
            "operator": made.operator,
            "line": made.line,
            "was": made.was,
            "now": made.now,
            "outcome": result.outcome,
            "said": result.said[-300:],
        }
        self.found[_key(made)] = entry
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    def count(self, outcome: str) -> int:
        """Return how many mutations came to this."""
        return sum(entry["outcome"] == outcome for entry in self.found.values())

    @property
    def share(self) -> float:
        """The part of the tried mutations that the tests noticed; one that makes them run without end is noticed."""
        return 1 - self.count("survived") / len(self.found) if self.found else 0.0

    def line(self) -> str:
        """Return the counts as a sentence."""
        counts = (
            f"{self.count('killed')} killed, {self.count('timeout')} without end, {self.count('survived')} survived"
        )
        return f"{self.total} mutations, {len(self.found)} tried, {counts}: {self.share:.1%}"


def _key(mutation: Mutation) -> str:
    return hashlib.sha256(f"{mutation.path}\n{mutation.text}".encode()).hexdigest()[:24]

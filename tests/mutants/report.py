"""docs/mutants.md: what the tests notice, and each mutation that they do not, with the reason why it may stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.mutants.ledger import Ledger
from tests.mutants.reasons import reasons
from tests.mutants.rooms import ROOT

REPORT = ROOT / "docs" / "mutants.md"


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutation that no test of its room notices."""

    path: str
    line: int
    operator: str
    was: str
    now: str


def _by_change() -> dict[tuple[str, str, str], str]:
    return {(each.file, each.was, each.now): each.why for each in reasons()}


def survivors(ledger: Ledger) -> list[Survivor]:
    """Return a room's survivors in the order of its files and lines."""
    left = [entry for entry in ledger.found.values() if entry["outcome"] == "survived"]
    made = [
        Survivor(*(str(each["path"]), int(each["line"])), *(str(each[key]) for key in ("operator", "was", "now")))
        for each in left
    ]
    return sorted(made, key=lambda each: (each.path, each.line, each.operator, each.now))


def unexplained(ledger: Ledger) -> list[Survivor]:
    """Return the survivors that have no reason."""
    known = _by_change()
    return [each for each in survivors(ledger) if (each.path, each.was, each.now) not in known]


def write_report(ledgers: Sequence[Ledger]) -> None:
    """Write docs/mutants.md."""
    known = _by_change()
    rows = [
        f"| {each.room.name} | {each.total} | {len(each.found)} | {each.count('killed')} | {each.count('timeout')} |"
        f" {each.count('survived')} | {each.share:.1%} |"
        for each in ledgers
    ]
    parts = [_HEAD, *rows, "", "## The survivors"]
    for ledger in ledgers:
        parts += ["", f"### {ledger.room.name}", ""]
        for each in survivors(ledger):
            why = known.get((each.path, each.was, each.now), "no reason yet")
            parts += [f"- {each.path}:{each.line}: {why}", f"  - `{each.was}`", f"  - `{each.now}`"]
    REPORT.write_text("\n".join(parts) + "\n", encoding="utf-8")


_HEAD = """# What the tests notice

`make mutants` changes the code in one place at a time with the operators of
[cosmic-ray](https://cosmic-ray.readthedocs.io): an equality turned about, a bound moved by one, an arithmetic or bit
operator exchanged, `and` and `or` exchanged, `not` added to a condition or taken away, a number moved by one, `True`
and `False` exchanged, an exception that is no longer caught, a loop that does nothing. Then it runs the tests of the
same room, each mutant in a process of its own. Texts, annotations and decorators are left as they are: how an error is
worded is not judged here. A mutant is killed when a test of its own room fails; tests elsewhere, which would notice
more, do not count. Where fewer were tried than there are, the run was
stopped; they come in any order. Which files and tests make a room: tests/mutants/rooms.py. The reasons:
docs/mutants.toml.

| room | mutants | tried | killed | without end | survived | noticed |
| --- | --- | --- | --- | --- | --- | --- |"""

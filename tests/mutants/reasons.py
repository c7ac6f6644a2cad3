"""Why mutations that no test notices may stay: docs/mutants.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from tests.mutants.rooms import ROOT

REASONS = ROOT / "docs" / "mutants.toml"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a mutation may stay: the file, its lines as they are and as they become, and the reason."""

    file: str
    was: str
    now: str
    why: str


def reasons() -> tuple[Reason, ...]:
    """Return the reasons in docs/mutants.toml; several mutations of one line may share one."""
    table = tomllib.loads(REASONS.read_text(encoding="utf-8"))
    return tuple(
        Reason(entry["file"], entry["was"], now, entry["why"]) for entry in table["mutant"] for now in entry["now"]
    )

"""What is installed on a machine, and what it can do, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.core.words import Provenance


@dataclass(frozen=True, slots=True)
class Package:
    """A package that mlparity needs, or that one of its extras adds.

    `wanted` is the range of versions, "" for any. `installed` is None where the package is not. `extra` is "" for a
    package that mlparity always needs.
    """

    name: str
    wanted: str
    installed: str | None
    extra: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class Ability:
    """How settings get their numbers on a machine; `provenance` is None where they cannot be run, and `note` why."""

    settings: tuple[str, ...]
    provenance: Provenance | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as `mlparity doctor` sees it; `chips` are those whose arithmetic can be emulated."""

    mlparity: str
    python: str
    platform: str
    processors: int
    packages: tuple[Package, ...]
    abilities: tuple[Ability, ...]
    chips: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether every package that is needed is installed, and every installed one is in its range."""
        return all(package.is_right for package in self.packages if package.installed or not package.extra)

"""How a long job tells its caller where it stands."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, the steps that are done and the steps in all (0 where the number is not known)."""


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""

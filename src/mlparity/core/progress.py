"""How a long job tells its caller where it stands."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""A function that long work calls with the stage, the steps that are done, and all steps (0: not known)."""


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""

"""The corpus' sources by name, so that a script can load one: `from tests.faults.sources import NAME`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from torch import nn

from tests.faults.corpus import corpus, newer


@cache
def _all() -> dict[str, Callable[[], nn.Module]]:
    return {each.name: each.source for each in (*corpus(), *newer())}


def __getattr__(name: str) -> Callable[[], nn.Module]:
    try:
        source = _all()[name]
    except KeyError as error:
        raise AttributeError(name) from error

    def made() -> nn.Module:
        """The module, as its fault has it."""
        return source()

    return made

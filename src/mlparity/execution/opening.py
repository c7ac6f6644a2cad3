"""The function that a job names, found in the process that works."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def opened(opener: str, parcel: Any) -> Callable[[Any], Any]:
    """Return what the function `module:name` of ours makes of a parcel: the function that is called for each item."""
    home, _, name = opener.partition(":")
    make: Callable[[Any], Callable[[Any], Any]] = getattr(importlib.import_module(home), name)
    return make(parcel)

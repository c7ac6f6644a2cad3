"""Which lines of the user's own code a run of a source takes, in order."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.sessions.torch import open as open_source

_NOT_THE_USERS = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]), "<")
_STANDARD = sysconfig.get_paths()["stdlib"]
_MOST = 100_000
"""How many lines are kept (assumed: a loop that is looked for shows long before)."""


def lines_of(source: Source, sample: Sample) -> list[str]:
    """Return the lines, as `file.py:12`, that a run in fp32 takes in the code of its modules.

    Raises:
        ExecutionError: the source fails.
    """
    found: list[str] = []

    def called(frame: FrameType, event: str, argument: object) -> Any:
        del event, argument
        return passed if _is_the_users(frame.f_code.co_filename) else None

    def passed(frame: FrameType, event: str, argument: object) -> Any:
        del argument
        if event == "line" and len(found) < _MOST:
            found.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
        return passed

    with open_source(source) as session:
        known = sys.gettrace()
        sys.settrace(called)
        try:
            session.run(sample)
        finally:
            sys.settrace(known)
    return found


def _is_the_users(file: str) -> bool:
    """Tell whether a file is neither PyTorch's nor ours, nor the standard library's."""
    is_standard = file.startswith(_STANDARD) and "site-packages" not in file
    return not (is_standard or file.startswith(_NOT_THE_USERS))

"""What workers of the tests do; they import this file by its name."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mlparity.core.errors import InputError


def open_slow(folder: str) -> Callable[[int], tuple[int, int]]:
    """Return a function that takes a while, and leaves a file for each item that it was given."""

    def work(item: int) -> tuple[int, int]:
        (Path(folder) / f"{item}.{os.getpid()}").touch()
        time.sleep(0.15)
        return item * item, os.getpid()

    return work


def open_deadly(folder: str) -> Callable[[int], int]:
    """Return a function that kills its process the first time that it sees item 3."""

    def work(item: int) -> int:
        mark = Path(folder) / "killed"
        if item == 3 and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    return work


def open_refusing(_parcel: object) -> Callable[[int], int]:
    """Return a function that raises an error of ours."""

    def work(item: int) -> int:
        raise InputError("no such item", where="the\nqueue", found=str(item), next_step="take another one")

    return work


def open_large(_parcel: object) -> Callable[[int], np.ndarray]:
    """Return a function that answers with so many bytes."""
    return lambda size: np.zeros(size, np.uint8)

"""Keeps third parties' chatter, which says nothing about the user's model, away from the user's terminal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def quiet_logs(level: int = logging.WARNING) -> Iterator[None]:
    """Drop log records of `level` and below inside the block, whoever writes them."""
    previous = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(previous)


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Discard what native code writes to file descriptor 2 inside the block, for libraries without a switch."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as sink:
            os.dup2(sink.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)

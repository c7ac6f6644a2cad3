"""SIGTERM and SIGHUP end a command as Ctrl-C does: what it began is removed, and the exit code tells the signal."""

from __future__ import annotations

import signal
import time
from types import FrameType

from mlparity.cli.watch import STOP_SIGNALS

_ONE_STOP = 1.0
"""Seconds within which a second signal is the first one again: a terminal sends it to both processes."""

_last: list[tuple[int, float]] = []


def take_stop_signals() -> None:
    """Let the signals that ask for an end raise `KeyboardInterrupt`; one that is ignored from outside stays ignored."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)


def stopped_code() -> int:
    """Return the exit code after a stop: 128 and the signal, SIGINT where code raised `KeyboardInterrupt` itself."""
    return 128 + (_last[-1][0] if _last else signal.SIGINT)


def _stop(number: int, _frame: FrameType | None) -> None:
    now = time.monotonic()
    if _last and now - _last[-1][1] < _ONE_STOP:
        return
    _last.append((number, now))
    raise KeyboardInterrupt

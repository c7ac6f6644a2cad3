"""A process that begins as a copy of this one and makes what this one would: nothing has to be sent to it.

What it does not answer, because it crashed, hung or met what nobody foresaw, is left to this process, where that shows
as it does without another one. Linux alone: frameworks of macOS do not work in a fork.
"""

from __future__ import annotations

import ctypes
import faulthandler
import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

from mlparity.core.errors import MlparityError

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_IDLE_S = 60.0
"""How long it may calculate nothing before it is taken for one that waits for a thread that it has not (assumed)."""

_LOOK_S = 1.0
_DIES_WITH_PARENT = 1
"""`PR_SET_PDEATHSIG`. Source: prctl(2)."""


def can_fork(others: Sequence[str] = ()) -> bool:
    """Tell whether a copy of this process can work: none of the modules `others`, which start threads, is loaded.

    A daemon of multiprocessing, as the workers of a pool are, may start no process.
    """
    is_daemon = multiprocessing.current_process().daemon
    return sys.platform == "linux" and not is_daemon and not any(name in sys.modules for name in others)


class Fork(Generic[Key, Value]):
    """A process that makes a value for each of `keys`, in their order, with `make`; values and errors pickle.

    `prepare` is called there first.
    """

    def __init__(self, keys: Sequence[Key], make: Callable[[Key], Value], prepare: Callable[[], object]) -> None:
        """Start it."""
        self._answers: dict[Key, Value | MlparityError] = {}
        context = multiprocessing.get_context("fork")
        self._connection, theirs = context.Pipe(duplex=False)
        work = (theirs, os.getpid(), keys, make, prepare)
        self._process = context.Process(target=_work, args=work)
        self._pulse, self._looked = 0.0, time.monotonic()
        try:
            with warnings.catch_warnings():
                # Python and JAX warn of threads, which `can_fork` and `_IDLE_S` are for.
                warnings.simplefilter("ignore")
                self._process.start()
        except OSError:  # no more processes
            self._connection.close()
        finally:
            theirs.close()

    def value(self, key: Key) -> Value | None:
        """Wait for a value; None where this process has to make it.

        Raises:
            MlparityError: making it raised this.
        """
        while key not in self._answers and self._hears():
            continue
        found = self._answers.get(key)
        if isinstance(found, MlparityError):
            raise found
        return found

    def end(self) -> None:
        """End the process, whatever it does."""
        self._connection.close()
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()

    def _hears(self) -> bool:
        """Take the next answer if it is there; return whether more may come."""
        try:
            if self._connection.poll(_LOOK_S):
                key, answer = self._connection.recv()
                self._answers[key] = answer
            elif self._is_idle():
                raise EOFError
        except Exception:  # it ended, or what it sent is no answer
            self.end()
            return False
        return True

    def _is_idle(self) -> bool:
        pulse, now = _processor_seconds(self._process.pid or 0), time.monotonic()
        if pulse != self._pulse:
            self._pulse, self._looked = pulse, now
        return now - self._looked > _IDLE_S


def _processor_seconds(process: int) -> float:
    """Return the time that a process has calculated. Source: Linux, `CPUCLOCK_SCHED` in posix-timers.h."""
    return time.clock_gettime(~process << 3 | 2)


def _work(
    connection: Connection,
    parent: int,
    keys: Sequence[Key],
    make: Callable[[Key], Value],
    prepare: Callable[[], object],
) -> None:
    for number in (signal.SIGINT, signal.SIGHUP):  # the first process is asked, and ends this one
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_DIES_WITH_PARENT, signal.SIGKILL)
    faulthandler.disable()  # this process says where it crashed, when it has come to the same
    with suppress(BaseException):  # the user's code may raise anything, and exit: then there is no answer
        if os.getppid() != parent:
            return
        prepare()
        for key in keys:
            try:
                answer: Value | MlparityError = make(key)
            except MlparityError as error:
                answer = error
            connection.send((key, answer))

"""Watches the process that does the work: an exit code is believed only when that process says that it is its own.

Code of the user's runs in there: a model, samples, a preprocessing, a metric. `os._exit(0)` in it, or a crash of
native code, ends the process without a result, and must not look like one. The working process is started anew rather
than forked, because frameworks of macOS do not work in a fork. It stays in the terminal's group, so that the keys for
stopping and suspending reach it.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

UNFORESEEN = 70
"""The exit code of what should not happen: an exception that nobody foresaw, or a crash. Source: sysexits.h."""

ENDED_BY_OTHERS = 2
"""The exit code where other code ended the process before there was a result."""

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What asks for a clean end."""

_PATIENCE = 3
"""The stop signal at which the working process, which may ignore them, is killed."""

_WORK = """
import sys
sys.path[:], sys.argv[0] = {path!r}, {name!r}
from mlparity.cli.work import run_watched
run_watched({telling}, {lifeline})
"""


def is_possible() -> bool:
    """Tell whether a process can be watched here: on POSIX, with an interpreter to start, and without a debugger."""
    return os.name == "posix" and bool(sys.executable) and sys.gettrace() is None


def watched(arguments: list[str]) -> int:
    """Run the command line of `arguments`, which begin with the program's name, and return its exit code."""
    _fill_standard_descriptors()
    heard, telling = os.pipe()
    lifeline, held = os.pipe()  # ends in the working process when this one is gone, however it went
    code = _WORK.format(path=sys.path, name=arguments[0], telling=telling, lifeline=lifeline)
    signals = _Signals()
    for descriptor in (telling, lifeline):
        os.set_inheritable(descriptor, True)
    command = [sys.executable, *_interpreter_options(), "-c", code, *arguments[1:]]
    signals.process = os.posix_spawn(sys.executable, command, os.environ)
    os.close(telling)
    os.close(lifeline)
    _, status = os.waitpid(signals.process, 0)
    os.close(held)
    return _exit_code(_said(heard), os.waitstatus_to_exitcode(status), signals.last)


def _fill_standard_descriptors() -> None:
    """Open what the caller closed of descriptors 0 to 2: a pipe there would take what is printed."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


class _Signals:
    """Passes signals that ask for an end on to the working process."""

    def __init__(self) -> None:
        self.process = 0
        self.last = 0
        self._count = 0
        for number in STOP_SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._pass_on)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self.last, self._count = number, self._count + 1
        if self.process:
            try:
                os.kill(self.process, number if self._count < _PATIENCE else signal.SIGKILL)
            except ProcessLookupError:
                return


def _interpreter_options() -> list[str]:
    from subprocess import _args_from_interpreter_flags  # type: ignore[attr-defined]

    return list(_args_from_interpreter_flags())


def _said(heard: int) -> int | None:
    """Return the exit code that the working process told, None where it told none."""
    os.set_blocking(heard, False)  # a process that the user's code started may hold the other end
    try:
        text = os.read(heard, 16)
    except BlockingIOError:
        text = b""
    os.close(heard)
    # Other code that writes into every descriptor that it finds has told nothing.
    return int(text) if text.isdigit() else None


def _exit_code(said: int | None, code: int, stopped_by: int) -> int:
    if said is not None:
        return said
    if code < 0 and (stopped_by or -code in STOP_SIGNALS):
        return 128 + (stopped_by or -code)
    from mlparity.cli.lost import tell_of_code, tell_of_crash

    if code < 0:
        tell_of_crash(-code)
        return UNFORESEEN
    tell_of_code(code)
    return ENDED_BY_OTHERS

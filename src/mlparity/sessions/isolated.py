"""A worker process for a runtime that may print, crash or hang: it is asked over a pipe, and can always be ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

from mlparity.core.errors import ExecutionError

TIME_LIMIT = 600.0
"""Seconds that a worker may take for one answer where nobody says otherwise (assumed; the slowest seen took 8)."""

_LAST_LINES = 5


class RefusedError(Exception):
    """The worker answered that it cannot do what it was asked; the text is its reason."""


class Worker:
    """A Python process that runs `module` and answers one message after the other.

    The module's program gets the number of its end of the pipe as its only argument and passes it to `serve`. What
    the process prints goes to a file, of which errors show the end, or with `show_log` to this process's stderr. Its
    temporary files lie in a folder that goes when it does.
    """

    def __init__(self, module: str, subject: str, *, time_limit: float = TIME_LIMIT, show_log: bool = False) -> None:
        """Start the process; `subject` says in errors what it works on."""
        self._subject, self._limit = subject, time_limit
        self._folder = tempfile.TemporaryDirectory(prefix="mlparity-")
        self._log: IO[bytes] | None = None if show_log else (Path(self._folder.name) / "log").open("w+b")
        self._connection, theirs = Pipe()
        try:
            self._process: subprocess.Popen[bytes] | None = _started(module, theirs, self._log, self._folder.name)
        except BaseException:
            self.close()
            raise
        finally:
            theirs.close()

    def ask(self, message: object) -> object:
        """Return the answer to a message that pickles.

        Raises:
            RefusedError: the worker says why not.
            ExecutionError: it gave no answer in time, or ended; it is not there any more after that.
        """
        if self._process is None:
            raise ExecutionError("the session is closed", where=self._subject)
        try:
            self._connection.send(message)
            in_time = self._connection.poll(self._limit)
            done, value = self._connection.recv() if in_time else (False, None)
        except (EOFError, OSError) as error:
            raise self._lost(self._ending()) from error
        except BaseException:  # Ctrl-C: an answer that comes later must not be taken for the next one's
            self.close()
            raise
        if not in_time:
            raise self._lost(f"no answer within {self._limit:g} s")
        if not done:
            raise RefusedError(str(value))
        return value

    def close(self) -> None:
        """End the process, whatever it does, and remove its files."""
        process, self._process = getattr(self, "_process", None), None
        self._connection.close()
        if process is not None:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        if self._log is not None:
            self._log.close()
        self._folder.cleanup()

    def _ending(self) -> str:
        code = self._process.wait() if self._process is not None else 0
        return f"it was ended by signal {-code}" if code < 0 else f"it ended with exit code {code}"

    def _lost(self, why: str) -> ExecutionError:
        said = self._last_lines()
        self.close()
        return ExecutionError(
            "the runtime's process gave no answer",
            where=self._subject,
            found="\n".join((why, *said)),
            next_step="allow it more time with --time-limit, see its messages with --runtime-log, or leave it out",
        )

    def _last_lines(self) -> list[str]:
        if self._log is None:
            return []
        self._log.seek(0)
        return self._log.read().decode(errors="replace").splitlines()[-_LAST_LINES:]


def _started(module: str, theirs: Connection, log: IO[bytes] | None, folder: str) -> subprocess.Popen[bytes]:
    # The process finds modules where this one does, also those that a caller added to sys.path.
    path = os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)
    return subprocess.Popen(  # noqa: S603 - our own module in our own interpreter
        [sys.executable, "-m", module, str(theirs.fileno())],
        stdin=subprocess.PIPE,  # ends with this process, which the worker watches
        stdout=2 if log is None else log,
        stderr=2 if log is None else log,
        pass_fds=(theirs.fileno(),),
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": folder},
    )


def serve(number: int, answer: Callable[[Any], object]) -> None:
    """Answer messages in the worker until the asking process closes the pipe, or is gone.

    `number` is the worker's end of the pipe; what `answer` raises is given back as the reason of a refusal.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asking process's, which ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with Connection(number) as connection:
        while True:
            try:
                message = connection.recv()
            except EOFError:
                return
            try:
                reply = (True, answer(message))
            except Exception as error:  # a runtime raises any type; the asking process makes it one of ours
                reply = (False, f"{type(error).__name__}: {error}")
            connection.send(reply)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)

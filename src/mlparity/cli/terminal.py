"""All printing: nothing from a file reaches the terminal as more than text.

Names and texts come from files that somebody else made. Characters that cannot be seen are shown as Python's `repr`
shows them, so that no escape sequence, no change of direction and no line break hides in a name. A line that looks
like a command to GitHub Actions is broken.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from typing import IO, Any, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from mlparity.core.errors import OutputError, shortened
from mlparity.report.plain_table import visible

_FILE_WIDTH = 200
"""Columns of a table in a file or a pipe, where no line has to fit a screen."""

# Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands; the runner skips blanks.
_COMMAND = re.compile(r"(?m)^((?:\s|\x1b\[[\d;]*m)*):(?=:)|#(?=#\[)")

_kept: ContextVar[TextIO | None] = ContextVar("results", default=None)


class Screen(Console):
    """A console that prints texts as they are, but for what cannot be seen."""

    def __init__(self, stream: _Stream, width: int | None = None) -> None:
        """Print into `stream`, in lines of `width` columns, or of the terminal's."""
        super().__init__(
            file=cast("IO[str]", stream), markup=False, highlight=False, emoji=False, soft_wrap=True, width=width
        )

    def print(self, *objects: Any, **options: Any) -> None:
        """Print each text in one line; on a terminal, wrapped between words at its width."""
        options.setdefault("soft_wrap", not self.is_terminal)
        super().print(*(visible(shortened(item)) if isinstance(item, str) else item for item in objects), **options)

    def lines(self, text: str, style: str = "") -> None:
        """Print a text of several lines, whole."""
        super().print(text, style=style)

    def command(self, text: str) -> None:
        """Print a line that is meant for the program that reads the output."""
        stream = cast("_Stream", self.file)
        stream.write_command(f"{visible(text)}\n")

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield what is printed, cleaned: the last gate, whatever was given to `print`."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text, keep="\n"))


def stdout() -> Screen:
    """Return the console for results."""
    stream = _kept.get() or sys.stdout
    return Screen(_results(stream), None if stream is not None and stream.isatty() else _FILE_WIDTH)


def stderr() -> Screen:
    """Return the console for everything else: progress, warnings, errors."""
    return Screen(_Asides(sys.stderr))


@contextmanager
def lasting_stderr() -> Iterator[Screen]:
    """Yield the console for progress: other code that turns descriptor 2 away for a while does not silence it."""
    try:
        own = os.dup(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        yield stderr()  # a stream without a descriptor, as a test's
        return
    with open(own, "w", encoding=sys.stderr.encoding, errors="backslashreplace", buffering=1) as stream:  # noqa: PTH123
        yield Screen(_Asides(stream))


def complain(text: str, style: str = "red") -> None:
    """Print an error or a warning of one or more lines."""
    stderr().lines(text, style)


@contextmanager
def results_apart() -> Iterator[None]:
    """Keep stdout for results: what other code prints inside the block goes to stderr.

    Raises:
        OutputError: the results could not be written.
    """
    token = _kept.set(sys.stdout)
    stream = _results(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
        stream.flush()
    finally:
        _kept.reset(token)


def own_streams() -> None:
    """Give results a descriptor of their own, for a process that ends with the command.

    Descriptor 1 is stderr's from here on: native code cannot write into the results, and other code that closes the
    standard streams does not lose them. Characters that the encoding lacks are shown as escapes. What Typer prints by
    itself, as `--help`, fails as results do.
    """
    sys.stderr = _with_escapes(sys.stderr if sys.stderr is not None else _nowhere())
    if sys.stdout is None:
        sys.stdout = _nowhere()
        return
    encoding, own = sys.stdout.encoding, os.dup(1)
    os.dup2(sys.stderr.fileno(), 1)
    stream = open(own, "w", encoding=encoding, errors="backslashreplace")  # noqa: PTH123, SIM115 - a descriptor
    sys.stdout = cast("TextIO", _Results(stream))


def _results(stream: TextIO | None) -> _Results:
    return stream if isinstance(stream, _Results) else _Results(stream)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - open as long as the process


def _with_escapes(stream: TextIO) -> TextIO:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


class _Stream:
    """Writes to a text stream that may fail."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream if stream is not None else _nowhere()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, and leave no line that is a command of GitHub Actions."""
        return self.write_command(_COMMAND.sub(lambda found: f"{found[1] or ''}\\x{ord(found[0][-1]):02x}", text))

    def write_command(self, text: str) -> int:
        """Write a text as it is."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError) as error:
            self._lost(error)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what is buffered."""
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._lost(error)

    def _lost(self, _error: Exception) -> None:
        """Send what is buffered to nowhere, so that it fails no second time."""
        try:
            descriptor = self._stream.fileno()
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), descriptor)
        except (OSError, ValueError):
            return


class _Asides(_Stream):
    """A stream that nothing depends on: what cannot be written is lost without a word."""


class _Results(_Stream):
    """The stream of results: a reader that has gone is no error, a result that cannot be written is one."""

    def _lost(self, error: Exception) -> None:
        super()._lost(error)
        if isinstance(error, BrokenPipeError):
            return
        raise OutputError(
            "the result could not be printed",
            where="stdout",
            found=str(error),
            next_step="send the output to where it can be written; files that were written before are whole",
        ) from error

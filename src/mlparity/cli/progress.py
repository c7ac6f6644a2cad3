"""A live bar on a terminal, plain lines elsewhere; neither is ever silent for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mlparity.cli.terminal import Screen, stderr
from mlparity.core.progress import Progress as Tell

LIMIT_HINT = "--limit N takes the first N"
"""What to do about a stage that does not end by itself."""

_SILENT_S = 8.0
"""Seconds after which a line says that the work goes on."""


@contextmanager
def shown_progress(hint: str = "") -> Iterator[Tell]:
    """Yield a function to tell the progress to; it goes to stderr, so that stdout holds results alone.

    `hint` is shown with a stage whose end is not known.
    """
    console = stderr()
    if not console.is_terminal:
        lines, ended = _Lines(console, hint), threading.Event()
        threading.Thread(target=_keep_telling, args=(lines, ended), daemon=True).start()
        try:
            yield lines.tell
        finally:
            ended.set()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(bar, hint).tell


class _Bar:
    """One bar for each stage."""

    def __init__(self, bar: Progress, hint: str) -> None:
        self._bar, self._hint = bar, hint
        self._tasks: dict[str, int] = {}

    def tell(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            text = f"{stage} ({self._hint})" if self._hint and done and not total else stage
            self._tasks[stage] = self._bar.add_task(text, total=total if total > 0 else None)
        task = self._tasks[stage]
        self._bar.update(task, completed=done, total=total if total > 0 else None)  # type: ignore[arg-type]  # an int


class _Lines:
    """A line when a stage begins, at each tenth of it, and where nothing was said for long."""

    def __init__(self, console: Screen, hint: str) -> None:
        self._console, self._hint = console, hint
        self._last: dict[str, int] = {}
        self._began = self._said = time.monotonic()
        self._now = ("", 0, 0)

    def tell(self, stage: str, done: int, total: int) -> None:
        """Print where a stage stands, if it is a tenth further."""
        if stage != self._now[0]:
            self._began = time.monotonic()
        self._now = (stage, done, total)
        tenth = 10 * done // total if total > 0 else 0
        if self._last.get(stage, -1) < tenth:
            self._last[stage] = tenth
            self._print(f"{stage}: {done}/{total}" if total > 0 else stage)

    def silent_s(self) -> float:
        """Return the seconds since the last line."""
        return time.monotonic() - self._said

    def tell_again(self) -> None:
        """Print where the stage stands, and for how long it has run."""
        stage, done, total = self._now
        seconds = f"{time.monotonic() - self._began:.0f} s"
        if total > 0 or not done:
            self._print(f"{stage or 'work'}: {f'{done}/{total}, ' if total > 0 else ''}still running after {seconds}")
        else:
            self._print(f"{stage}: {done} so far, after {seconds}{'; ' if self._hint else ''}{self._hint}")

    def _print(self, text: str) -> None:
        self._said = time.monotonic()
        self._console.print(text)


def _keep_telling(lines: _Lines, ended: threading.Event) -> None:
    while not ended.wait(max(_SILENT_S - lines.silent_s(), 0.1)):
        if lines.silent_s() >= _SILENT_S:
            lines.tell_again()

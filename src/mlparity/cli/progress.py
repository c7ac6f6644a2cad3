"""A live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mlparity.cli.terminal import Screen, stderr
from mlparity.core.progress import Progress as Tell


@contextmanager
def shown_progress() -> Iterator[Tell]:
    """Yield a function to tell the progress to; it goes to stderr, so that stdout holds results alone."""
    console = stderr()
    if not console.is_terminal:
        yield _Lines(console).tell
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(bar).tell


class _Bar:
    """One bar for each stage."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, int] = {}

    def tell(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=total if total > 0 else None)
        self._bar.update(self._tasks[stage], completed=done)  # type: ignore[arg-type]  # rich's TaskID is an int


class _Lines:
    """A line when a stage begins, and at each tenth of it."""

    def __init__(self, console: Screen) -> None:
        self._console = console
        self._last: dict[str, int] = {}

    def tell(self, stage: str, done: int, total: int) -> None:
        tenth = 10 * done // total if total > 0 else 0
        if self._last.get(stage, -1) < tenth:
            self._last[stage] = tenth
            self._console.print(f"{stage}: {done}/{total}" if total > 0 else stage)

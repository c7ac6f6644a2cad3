"""A live bar on a terminal, plain lines elsewhere; neither is ever silent for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from mlparity.cli.terminal import Screen, lasting_stderr
from mlparity.core.progress import Progress as Tell

LIMIT_HINT = "--limit N takes the first N"
"""What to do about a stage that does not end by itself."""

_EVERY_S = 8.0
"""Seconds between two lines of one stage."""


def pace(done: int, left: int, seconds: float, since: float = 0.0) -> str:
    """Return how fast a stage goes and how long the rest will take, such as `2.5/s, 40 s left`; "" if unknown.

    `done` steps took `seconds`, `left` steps are left, and the step at hand began `since` seconds ago. Where it takes
    longer than all that are left should, how long they will take is not known.
    """
    if done <= 0 or seconds <= 0:
        return ""
    rate = done / seconds
    speed = f"{rate:.3g}/s" if rate >= 1 else f"{1 / rate:.3g} s each"
    rest = left / rate - since
    return f"{speed}, {_duration(rest)} left" if left > 0 and rest > 0 else speed


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@contextmanager
def shown_progress(hint: str = "") -> Iterator[Tell]:
    """Yield a function to tell the progress to; it goes to stderr, so that stdout holds results alone.

    `hint` is shown with a stage whose end is not known.
    """
    with lasting_stderr() as console, _shown_on(console, hint) as tell:
        yield tell


@contextmanager
def _shown_on(console: Screen, hint: str) -> Iterator[Tell]:
    if not console.is_terminal:
        lines, ended = _Lines(console, hint), threading.Event()
        telling = threading.Thread(target=_keep_telling, args=(lines, ended), daemon=True)
        telling.start()
        try:
            yield lines.tell
        finally:
            ended.set()
            telling.join()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        _PaceColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Bar(bar, hint).tell


_OF_SAMPLES = frozenset({"samples", "compare", "run"})
"""The stages that count samples: a hint on their number is of use there alone."""


class _Bar:
    """One bar for each stage."""

    def __init__(self, bar: Progress, hint: str) -> None:
        self._bar, self._hint = bar, hint
        self._tasks: dict[str, TaskID] = {}

    def tell(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            is_hinted = self._hint and done and not total and stage in _OF_SAMPLES
            text = f"{stage} ({self._hint})" if is_hinted else stage
            self._tasks[stage] = self._bar.add_task(text, total=total if total > 0 else None)
        task = self._tasks[stage]
        if self._bar.tasks[task].completed != done:
            self._bar.update(task, last=self._bar.tasks[task].elapsed)
        self._bar.update(task, completed=done, total=total if total > 0 else None)


class _PaceColumn(ProgressColumn):
    """How fast a stage goes, and how long the rest will take."""

    def render(self, task: Task) -> Text:
        """Return the text for one stage."""
        left = 0 if task.total is None or task.finished else int(task.total - task.completed)
        seconds, now = task.fields.get("last") or 0.0, task.elapsed or 0.0
        return Text(pace(int(task.completed), left, seconds, now - seconds) if left else "")


@dataclass
class _Stage:
    """Where a stage stands: its name, when it began and with how many steps done, and how many are done of all.

    `last` is when the last of them was done.
    """

    name: str
    began: float
    first: int = 0
    done: int = 0
    total: int = 0
    last: float = 0.0

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def text(self) -> str:
        if not self.total:
            return self.name
        seconds = self.last - self.began
        speed = pace(self.done - self.first, self.total - self.done, seconds, self.seconds() - seconds)
        return f"{self.name}: {self.done}/{self.total}{f', {speed}' if speed and self.done < self.total else ''}"


class _Lines:
    """A line when a stage begins and ends, and every few seconds between."""

    def __init__(self, console: Screen, hint: str) -> None:
        self._console, self._hint = console, hint
        self._said = time.monotonic()
        self._stage = _Stage("work", self._said)

    def tell(self, name: str, done: int, total: int) -> None:
        """Take where a stage stands, and print it if it begins, ends, or was not heard of for long."""
        begins = name != self._stage.name
        if begins:
            self._stage = _Stage(name, time.monotonic(), first=done)
        ends = total > 0 and done >= total > self._stage.done
        if done != self._stage.done:
            self._stage.last = time.monotonic()
        self._stage.done, self._stage.total = done, max(total, 0)
        if begins or ends or self.silent_s() >= _EVERY_S:
            self._print(self._stage.text())

    def silent_s(self) -> float:
        """Return the seconds since the last line."""
        return time.monotonic() - self._said

    def tell_again(self) -> None:
        """Print where the stage stands, and for how long it has run."""
        stage, seconds = self._stage, _duration(self._stage.seconds())
        if stage.total or not stage.done:
            self._print(f"{stage.text()}{',' if stage.total else ':'} still running after {seconds}")
        else:
            hint = f"; {self._hint}" if self._hint and stage.name in _OF_SAMPLES else ""
            self._print(f"{stage.name}: {stage.done} so far, after {seconds}{hint}")

    def _print(self, text: str) -> None:
        self._said = time.monotonic()
        self._console.print(text)


def _keep_telling(lines: _Lines, ended: threading.Event) -> None:
    while not ended.wait(max(_EVERY_S - lines.silent_s(), 0.1)):
        if lines.silent_s() >= _EVERY_S:
            lines.tell_again()

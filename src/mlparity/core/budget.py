"""How long work may go on: it is counted where the work is done, and ends by an exception that keeps what is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


class BudgetSpentError(Exception):
    """The work has taken its time; whoever began a part of it that may be left out goes on without that part."""


class WorkClock:
    """Tells the seconds that this thread worked since it was made, or half of those that passed where that is more.

    A busy machine so ends a piece of work where an idle one does, within twice the time.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        self._worked, self._passed = time.thread_time(), time.monotonic()

    def __call__(self) -> float:
        """Return the seconds."""
        return max(time.thread_time() - self._worked, (time.monotonic() - self._passed) / 2)


def _nobody(runs: int) -> None:
    del runs


@dataclass(slots=True, eq=False)
class Budget:
    """The time that a piece of work may take, how many runs it made, and which of its parts were left out.

    Units: seconds of `clock`.
    """

    seconds: float
    tell: Callable[[int], None] = _nobody
    clock: Callable[[], float] = field(default_factory=WorkClock)
    runs: int = 0
    undone: list[str] = field(default_factory=list)
    _ends: list[float] = field(init=False)

    def __post_init__(self) -> None:
        """Begin now."""
        self._ends = [self.clock() + self.seconds]

    @property
    def left(self) -> float:
        """The seconds that are left, of a part those of the part; negative where it took longer."""
        return min(self._ends) - self.clock()

    @contextmanager
    def part(self, what: str, share: float) -> Iterator[None]:
        """Do a part of the work in a share of the time that is left; where that is spent, note it and go on behind."""
        self._ends.append(self.clock() + share * self.left)
        try:
            yield
        except BudgetSpentError:
            if what not in self.undone:
                self.undone.append(what)
        finally:
            self._ends.pop()

    def put_off(self, seconds: float) -> None:
        """Let the work end so much later."""
        self._ends[:] = [end + seconds for end in self._ends]

    def check(self) -> None:
        """Raise where the time is spent.

        Raises:
            BudgetSpentError: as said.
        """
        if self.left <= 0:
            raise BudgetSpentError


_CURRENT: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def within(budget: Budget) -> Iterator[Budget]:
    """Let the work of the block count against a budget."""
    token = _CURRENT.set(budget)
    try:
        yield budget
    finally:
        _CURRENT.reset(token)


def check_budget() -> None:
    """Raise where the time of the work at hand is spent; work without a budget goes on.

    Raises:
        BudgetSpentError: as said.
    """
    budget = _CURRENT.get()
    if budget is not None:
        budget.check()


def count_run() -> None:
    """Count a run of a model, and check the time as `check_budget` does."""
    budget = _CURRENT.get()
    if budget is not None:
        budget.check()
        budget.runs += 1
        budget.tell(budget.runs)


def left_out() -> tuple[str, ...]:
    """Return the parts of the work at hand that were left out so far, or were not finished."""
    budget = _CURRENT.get()
    return () if budget is None else tuple(budget.undone)


def is_left_out(what: str) -> bool:
    """Tell whether a part of the work at hand was left out, or was not finished."""
    return what in left_out()


@contextmanager
def beside_budget() -> Iterator[None]:
    """Do what does not count against the budget of the work at hand."""
    budget = _CURRENT.get()
    token, began = _CURRENT.set(None), 0.0 if budget is None else budget.clock()
    try:
        yield
    finally:
        _CURRENT.reset(token)
        if budget is not None:
            budget.put_off(budget.clock() - began)


@contextmanager
def may_be_left(what: str, share: float = 1.0) -> Iterator[None]:
    """Do a part of the work that may be left out: where its time is spent, that is noted, and the block ends."""
    budget = _CURRENT.get()
    if budget is None:
        yield
        return
    with budget.part(what, share):
        yield

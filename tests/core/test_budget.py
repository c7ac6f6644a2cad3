"""Work with a budget: it ends where its time is spent, keeps what it has, and says what it left out."""

from __future__ import annotations

import time

import pytest

from mlparity.core.budget import (
    Budget,
    BudgetSpentError,
    WorkClock,
    beside_budget,
    check_budget,
    count_run,
    may_be_left,
    within,
)


class Clock:
    """A clock that each run moves on by a second."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now

    def run(self) -> None:
        count_run()
        self.now += 1


def test_work_ends_where_its_time_is_spent() -> None:
    clock, told = Clock(), list[int]()
    with within(Budget(3, told.append, clock)) as budget:
        for _ in range(3):
            clock.run()
        with pytest.raises(BudgetSpentError):
            clock.run()
    assert (budget.runs, told, budget.left) == (3, [1, 2, 3], 0)


def test_a_part_that_is_left_out_is_noted_once_and_what_follows_goes_on() -> None:
    clock, done = Clock(), list[str]()
    with within(Budget(10, clock=clock)) as budget:
        for name in ("first", "second", "first"):
            with may_be_left(name, share=0.5):
                while True:
                    clock.run()
                    done.append(name)
        clock.run()
    assert budget.undone == ["first", "second"]
    assert done == ["first"] * 5 + ["second"] * 3 + ["first"]


def test_a_part_within_a_part_ends_with_the_outer_one() -> None:
    clock = Clock()
    with within(Budget(8, clock=clock)) as budget, may_be_left("outer", share=0.25):
        with may_be_left("inner"):
            while True:
                clock.run()
        check_budget()
    assert (budget.undone, clock.now) == (["inner", "outer"], 7)


def test_a_part_that_has_no_time_left_makes_no_run() -> None:
    with within(Budget(0, clock=Clock())) as budget, may_be_left("all"):
        count_run()
        pytest.fail("it ran")
    assert (budget.undone, budget.runs) == (["all"], 0)


def test_what_is_done_beside_a_budget_does_not_count() -> None:
    clock = Clock()
    with within(Budget(2, clock=clock)) as budget:
        with may_be_left("part", share=0.5):
            with beside_budget():
                for _ in range(9):
                    clock.run()
            clock.run()
        assert (budget.left, budget.runs, budget.undone) == (1, 1, [])
    with beside_budget():
        count_run()


def test_work_without_a_budget_has_no_end() -> None:
    with may_be_left("nothing"):
        count_run()
        check_budget()


def test_other_errors_pass_a_part() -> None:
    with within(Budget(1, clock=Clock())) as budget, pytest.raises(ValueError, match="other"), may_be_left("part"):
        raise ValueError("other")
    assert budget.undone == []


def test_the_budget_ends_with_its_block() -> None:
    with within(Budget(0, clock=Clock())):
        pass
    check_budget()


def test_time_is_what_a_thread_works_or_half_of_what_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = {"worked": 100.0, "passed": 90_000.0}
    monkeypatch.setattr(time, "thread_time", lambda: now["worked"])
    monkeypatch.setattr(time, "monotonic", lambda: now["passed"])
    clock = WorkClock()
    assert clock() == 0
    now.update(worked=110.0, passed=90_010.0)
    assert clock() == 10, "alone on a machine"
    now.update(passed=90_060.0)
    assert clock() == 30, "on a busy one"


def test_a_budget_begins_when_it_is_made() -> None:
    assert 9 < Budget(10).left <= 10

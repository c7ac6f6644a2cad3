"""The searches for a small set, on properties that are known."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.diagnose.tune import last_that_holds, minimised, shortest_prefix


@given(st.integers(1, 40), st.data())
def test_the_shortest_prefix_is_found(count: int, data: st.DataObject) -> None:
    needed = data.draw(st.integers(1, count))
    assert shortest_prefix(range(count), lambda each: len(each) >= needed) == tuple(range(needed))


def test_there_is_no_prefix() -> None:
    assert shortest_prefix([1, 2, 3], lambda _: False) is None


@given(st.sets(st.integers(0, 30), min_size=1, max_size=6))
def test_exactly_what_is_needed_stays(needed: set[int]) -> None:
    assert set(minimised(range(31), lambda each: needed <= set(each))) == needed


@given(st.sets(st.frozensets(st.integers(0, 12), min_size=1, max_size=4), min_size=1, max_size=4))
def test_no_single_item_can_be_left_out(enough: set[frozenset[int]]) -> None:
    def holds(items: Collection[int]) -> bool:
        return any(each <= set(items) for each in enough)

    kept = minimised(range(13), holds)
    assert holds(kept)
    assert not any(holds([each for each in kept if each != item]) for item in kept)


@pytest.mark.parametrize("items", [[], [7]])
def test_little_stays_as_it_is(items: list[int]) -> None:
    assert minimised(items, lambda _: True) == tuple(items)


@given(st.integers(1, 300), st.data())
def test_the_last_that_holds_is_found_from_any_guess(most: int, data: st.DataObject) -> None:
    last, step = data.draw(st.integers(0, most)), data.draw(st.integers(1, 5))
    near = data.draw(st.none() | st.integers(-3, most + 3))
    asked: list[int] = []

    def holds(count: int) -> bool:
        asked.append(count)
        return count <= last

    found = last_that_holds(holds, most, step, near)
    assert last - step < found <= last
    assert found == 0 or found in asked
    assert all(0 < count <= most for count in asked)

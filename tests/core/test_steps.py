"""Names of steps: what a file's keys tell, and which samples are the first ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.core.errors import InputError
from mlparity.core.steps import first_samples, is_first, keys_by_step, step_name

NAMES = st.text("abc", min_size=1, max_size=3)


@given(st.dictionaries(NAMES, st.integers(1, 12), min_size=1, max_size=3), st.sets(NAMES, min_size=1, max_size=3))
def test_keys_tell_samples_and_steps_in_order(lengths: dict[str, int], inputs: set[str]) -> None:
    keys = [f"{sample}/{step}/{name}" for sample, count in lengths.items() for step in range(count) for name in inputs]
    found = keys_by_step(reversed(keys), "file")
    for sample, count in lengths.items():
        own = [name for name in found if name.rpartition("/")[0] == sample]
        assert own == [step_name(sample, step) for step in range(count)]
        assert [is_first(name) for name in own] == [True] + [False] * (count - 1)
    assert all(set(by_input) == inputs for by_input in found.values())


def test_a_file_of_one_sample_has_steps_alone() -> None:
    assert keys_by_step(["1/x", "0/x"], "file") == {"0": {"x": "0/x"}, "1": {"x": "1/x"}}
    assert is_first("0")


@pytest.mark.parametrize("keys", [["x", "y"], ["encoder/x", "y"], []])
def test_names_without_numbers_tell_no_steps(keys: list[str]) -> None:
    assert keys_by_step(keys, "file") == {}


@pytest.mark.parametrize("keys", [["0/x", "y"], ["0/x", "2/x"], ["1/x"], ["a/0/x", "a/2/x"], ["0/x", "a/x"]])
def test_keys_that_tell_steps_in_part_are_refused(keys: list[str]) -> None:
    with pytest.raises(InputError, match="tell no steps"):
        keys_by_step(keys, "file")


def test_a_limit_counts_samples_with_all_their_steps() -> None:
    steps = [(f"{sample}/{step}", {"x": np.zeros(1)}) for sample in "ab" for step in range(3)]
    assert [name for name, _ in first_samples(iter(steps), 1)] == ["a/0", "a/1", "a/2"]
    assert len(list(first_samples(iter(steps), None))) == 6

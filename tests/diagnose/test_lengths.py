"""A length that is fixed in an artifact: where it agrees, and the line after which two runs part."""

from __future__ import annotations

import math

from mlparity.diagnose.lengths import agreed_length, parting_line


def test_one_length_that_agrees_is_the_fixed_one() -> None:
    assert agreed_length({5: 0.4, 3: 1e-7, 2: 0.2, 1: math.inf}) == 3


def test_no_length_is_fixed_where_all_or_none_or_two_agree() -> None:
    assert agreed_length({5: 0.4, 3: 0.3}) is None
    assert agreed_length({5: 1e-7, 3: 1e-7}) is None
    assert agreed_length({5: 0.4, 4: 1e-7, 3: 1e-7}) is None


def test_a_difference_between_the_bounds_is_no_disagreement() -> None:
    assert agreed_length({5: 5e-3, 3: 1e-7}) is None


def test_runs_part_after_the_line_of_the_loop() -> None:
    loop = ["f.py:7", "f.py:8"]
    assert parting_line([*loop * 5, "f.py:7", "f.py:9"], [*loop * 3, "f.py:7", "f.py:9"]) == "f.py:7"
    assert parting_line(loop, loop) == ""

"""Numbers as people read them: significant digits, where exponents begin, and what is no number."""

from __future__ import annotations

import math

import pytest

from mlparity.core.numbers import counted, format_cosine, format_count, format_number, value_text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 2, "–"),
        (math.nan, 2, "NaN"),
        (math.inf, 2, "∞"),
        (-math.inf, 2, "-∞"),
        (0.0, 2, "0.0"),
        (-0.0, 2, "0.0"),
        (20.0, 2, "20"),
        (0.0612, 2, "0.061"),
        (-0.0612, 2, "-0.061"),
        (0.0612, 3, "0.0612"),
        (1.0, 1, "1"),
        # Below 0.001, and from a million on, with an exponent: it is the rounded number that counts.
        (0.001, 2, "0.001"),
        (0.00099, 2, "9.9e-04"),
        (0.0009999, 2, "0.001"),
        (-2.1e-5, 2, "-2.1e-05"),
        (2.14e-5, 3, "2.14e-05"),
        (949_000.0, 2, "950000"),
        (999_999.0, 2, "1.0e+06"),
        (999_999.0, 6, "999999"),
        (1e6, 2, "1.0e+06"),
        (-1e6, 2, "-1.0e+06"),
        (1.5e300, 2, "1.5e+300"),
        (123_456.789, 9, "123456.789"),
    ],
)
def test_a_number(value: float | None, digits: int, text: str) -> None:
    assert format_number(value, digits) == text


def test_two_digits_unless_more_are_asked_for() -> None:
    assert format_number(1.234) == "1.2"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0000000"),
        (1.0 - 1e-9, "0.9999999"),  # only an exact 1 is written as 1
        (0.99999995, "0.9999999"),
        (0.0, "0.0000000"),
        (-0.25, "-0.2500000"),
        (None, "–"),
        (math.nan, "NaN"),
        (-math.inf, "-∞"),
    ],
)
def test_a_cosine_is_rounded_down(value: float | None, text: str) -> None:
    assert format_cosine(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0.0, "0"), (999.0, "999"), (1_280_000.0, "1,280,000")])
def test_a_count(value: float | None, text: str) -> None:
    assert format_count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(3, "3"), ("a", "'a'"), (None, "None"), pytest.param(1 << 20_000, "an integer of too many digits", id="long")],
)
def test_a_value_as_python_writes_it(value: object, text: str) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 samples"), (1, "1 sample"), (1280, "1,280 samples")])
def test_what_is_counted_is_one_or_several(count: int, text: str) -> None:
    assert counted(count, "sample") == text

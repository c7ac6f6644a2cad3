"""Bars against what the policy allows."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from mlparity.core.words import Verdict
from mlparity.record.record import Record
from mlparity.report.allowance import LIMIT, bars_of
from tests.record.emulated import emulated_record
from tests.record.example import example_record


def with_figures(record: Record, **figures: float | None) -> Record:
    """The record with other figures in its first compared row, which alone is kept."""
    row = next(row for row in record.settings if row.outputs)
    (output,) = row.outputs
    other = replace(output, figures={**output.figures, **figures})
    return replace(record, settings=(replace(row, outputs=(other,)),))


def test_settings_with_equal_bars_are_shown_once() -> None:
    bars = bars_of(example_record())
    assert [bar.settings for bar in bars][:2] == [("fp32/CPU_ONLY", "fp32/CPU_AND_GPU", "fp32/ALL"), ("fp16/*",)]


def test_a_bar_passes_the_limit_where_the_row_fails() -> None:
    for record in (example_record(), emulated_record()):
        for bar in bars_of(record):
            assert bar.width is not None
            assert (bar.width > LIMIT) == (bar.verdict == Verdict.FAIL)


def test_an_emulated_bar_is_that_of_the_worst_variant() -> None:
    (bar,) = [bar for bar in bars_of(emulated_record()) if bar.settings == ("fp16/*",)]
    assert bar.text == "100 times what is allowed"
    assert bar.cause == "precision"


@pytest.mark.parametrize("figures", [{"nan_count": 1.0}, {"max_abs": None}, {"max_abs": math.inf}])
def test_what_is_not_finite_fills_the_bar(figures: dict[str, float | None]) -> None:
    (bar,) = bars_of(with_figures(example_record(), **figures))
    assert (bar.width, bar.text) == (100.0, "NaN or infinite where the source is not")


def test_without_a_bound_there_is_no_bar() -> None:
    record = example_record()
    (bar,) = bars_of(replace(with_figures(record, max_abs=0.5), policy=replace(record.policy, limits=())))
    assert (bar.width, bar.text) == (None, "max 0.5")


def test_no_difference_is_an_empty_bar() -> None:
    (bar,) = bars_of(with_figures(example_record(), max_abs=0.0))
    assert (bar.width, bar.text) == (0.0, "0% of what is allowed")


def test_what_the_source_s_own_noise_excuses_is_allowed() -> None:
    record = with_figures(example_record(), max_abs=0.1)
    (bar,) = bars_of(record)
    assert bar.width is not None
    assert bar.width > LIMIT
    noisy = replace(record, noise=tuple(replace(noise, max_abs=0.08) for noise in record.noise))
    (excused,) = bars_of(noisy)
    assert excused.text == "62% of what is allowed"
    capped = replace(noisy, policy=replace(noisy.policy, noise_cap=1e-3))
    assert bars_of(capped)[0].text == "5 times what is allowed"

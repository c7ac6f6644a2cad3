"""How a number is written for people: the same digits in a reason, a table and a report."""

from __future__ import annotations

import math


def format_number(value: float | None, digits: int = 2) -> str:
    """Return `value` with `digits` significant digits: `2.1e-05`, `0.061`, `20`; "–" where there is none.

    Zero is `0.0`; numbers of 10^6 and above, and below 10^-3, are written with an exponent.
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return _not_finite(value)
    if value == 0:
        return "0.0"
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:.{digits - 1}e}" if not 1e-3 <= abs(rounded) < 1e6 else f"{rounded:.10g}"


def format_cosine(value: float | None) -> str:
    """Return a cosine with seven decimals, rounded down, so that only an exact 1 is written as 1."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return _not_finite(value)
    return f"{math.floor(value * 1e7) / 1e7:.7f}"


def format_count(value: float | None) -> str:
    """Return a count with separators for thousands: `1,280,000`."""
    return "–" if value is None else f"{int(value):,}"


def counted(count: int, word: str) -> str:
    """Return a count and what is counted, one or several: `1 sample`, `1,280 samples`."""
    return f"{format_count(count)} {word}{'' if count == 1 else 's'}"


def value_text(value: object) -> str:
    """Return a value of somebody's file as Python writes it."""
    try:
        return repr(value)
    except ValueError:  # Python writes no integer of thousands of digits in tens, and TOML may hold one in hexadecimal
        return "an integer of too many digits"


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "∞" if value > 0 else "-∞"

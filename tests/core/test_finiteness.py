"""How many positions two sides are not finite at, alike and unlike."""

from __future__ import annotations

import pytest

from mlparity.core.finiteness import left_out, mismatches, positions_text

NAMES = ("nan_count", "inf_count", "nan_positions", "inf_positions")


@pytest.mark.parametrize(
    ("counts", "unlike", "missing", "nan", "inf"),
    [
        ((0.0, 0.0, 0.0, 0.0), 0, 0, "0", "0"),
        ((2.0, 3.0, 5.0, 7.0), 5, 12, "5, 2 unlike", "7, 3 unlike"),
        ((0.0, 3.0, 5.0, 7.0), 3, 12, "5", "7, 3 unlike"),
        ((2.0, 0.0, 1234.0, 0.0), 2, 1234, "1,234, 2 unlike", "0"),
        # Records of earlier versions have no positions, and those of an output without elements no counts.
        ((2000.0, 3.0, None, None), 2003, 2003, "2,000, 2,000 unlike", "3, 3 unlike"),
        ((None, None, None, None), 0, 0, "0", "0"),
    ],
)
def test_positions(counts: tuple[float | None, ...], unlike: int, missing: int, nan: str, inf: str) -> None:
    figures = dict(zip(NAMES, counts, strict=True))
    assert (mismatches(figures), left_out(figures)) == (unlike, missing)
    assert (positions_text(figures, "nan"), positions_text(figures, "inf")) == (nan, inf)


def test_figures_without_counts_leave_nothing_out() -> None:
    assert (mismatches({}), left_out({})) == (0, 0)

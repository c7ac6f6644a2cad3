"""Positions of an output that are not finite on both sides: which of them disagree, and how many figures leave out."""

from __future__ import annotations

from collections.abc import Mapping

Figures = Mapping[str, float | None]


def mismatches(figures: Figures) -> int:
    """Return how many positions are NaN or infinite on one side alone, or infinities of opposite signs."""
    return _sum(figures, "nan_count", "inf_count")


def left_out(figures: Figures) -> int:
    """Return how many positions every figure of a difference leaves out: NaN or infinite on either side."""
    return max(_sum(figures, "nan_positions", "inf_positions"), mismatches(figures))


def positions_text(figures: Figures, kind: str) -> str:
    """Return the positions of a kind (`nan` or `inf`) as `128`, or `128, 3 unlike` where sides differ in some."""
    unlike = _sum(figures, f"{kind}_count")
    found = max(_sum(figures, f"{kind}_positions"), unlike)
    return f"{found:,}, {unlike:,} unlike" if unlike else f"{found:,}"


def left_out_note(figures: Figures, elements: int) -> str:
    """Return the words behind a figure of a difference that say how many positions it leaves out, "" where none."""
    missing = left_out(figures)
    return f", {missing:,} of {elements:,} positions left out (NaN or infinite)" if missing else ""


def _sum(figures: Figures, *names: str) -> int:
    return sum(int(figures.get(name) or 0) for name in names)

"""Histograms of differences as data for plotly: one chart an output, one bar series a group of settings."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.core.numbers import format_count
from mlparity.core.record import Histogram, OutputFigures
from mlparity.report.rows import Comparison, Group

CHARTS_SHOWN = 3
"""How many outputs get a chart."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The bars of one output; `series` is what the page's script hands to plotly."""

    output: str
    series: tuple[dict[str, object], ...]


def charts_of(comparisons: tuple[Comparison, ...]) -> tuple[Chart, ...]:
    """Return the charts, with the same decades on the horizontal axis of all series of a chart."""
    return tuple(_chart(comparison) for comparison in comparisons[:CHARTS_SHOWN])


def _chart(comparison: Comparison) -> Chart:
    counts = [output.histogram.counts for _, output in comparison.entries]
    used = [place for row in counts for place, count in enumerate(row) if count]
    places = range(min(used), max(used) + 1) if used else range(0)
    return Chart(comparison.output, tuple(_series(group, output, places) for group, output in comparison.entries))


def _series(group: Group, output: OutputFigures, places: range) -> dict[str, object]:
    histogram = output.histogram
    bars = [
        ("exact", histogram.zeros),
        *((_decade(histogram, place), histogram.counts[place]) for place in places),
        ("NaN, ∞", histogram.not_finite),
    ]
    total = max(1, sum(count for _, count in bars))
    return {
        "name": f"{group.title} ({', '.join(each for each in (group.standing, group.way) if each)})",
        "x": [label for label, _ in bars],
        "y": [100 * count / total for _, count in bars],
        "text": [format_count(count) for _, count in bars],
    }


def _decade(histogram: Histogram, place: int) -> str:
    return f"{10 ** histogram.edges[place]:.0e}"

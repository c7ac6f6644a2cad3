"""Histograms of differences as tables: a row for each group of settings, a column for each decade."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.core.numbers import format_count
from mlparity.record.figures import Histogram, OutputFigures
from mlparity.report.rows import Comparison, Group

CHARTS_SHOWN = 3
"""How many outputs get a chart."""


@dataclass(frozen=True, slots=True)
class Bin:
    """The share of elements in one decade: `percent` of all, as `text`, and their `count` as text."""

    percent: float
    text: str
    count: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The decades of one output from the smallest difference to the largest, and the bins of each group."""

    output: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Group, tuple[Bin, ...]], ...]


def charts_of(comparisons: tuple[Comparison, ...]) -> tuple[Chart, ...]:
    """Return the charts, with the same decades for all groups of a chart."""
    return tuple(_chart(comparison) for comparison in comparisons[:CHARTS_SHOWN])


def _chart(comparison: Comparison) -> Chart:
    histograms = [output.histogram for _, output in comparison.entries]
    used = [index for histogram in histograms for index, count in enumerate(histogram.counts) if count]
    shown = range(min(used), max(used) + 1) if used else range(0)
    heads = ("exact", *(f"{10 ** histograms[0].edges[index]:.0e}" for index in shown), "NaN, ∞")
    rows = tuple((group, _bins(output, shown)) for group, output in comparison.entries)
    return Chart(comparison.output, heads, rows)


def _bins(output: OutputFigures, shown: range) -> tuple[Bin, ...]:
    histogram: Histogram = output.histogram
    counts = [histogram.zeros, *(histogram.counts[index] for index in shown), histogram.not_finite]
    total = max(1, sum(counts))
    return tuple(Bin(round(100 * count / total, 2), _percent(count, total), format_count(count)) for count in counts)


def _percent(count: int, total: int) -> str:
    share = 100 * count / total
    return "" if not count else ("<1%" if share < 1 else f"{share:.0f}%")

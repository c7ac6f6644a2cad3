"""The error along the graph as a drawing: a stem for what each op loses, a line for the accumulated error."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.core.numbers import format_count, format_number
from mlparity.record.drift import Drift, DriftPoint
from mlparity.report.axis import Decades

LOSING_MOST = 8
"""How many ops are listed."""


@dataclass(frozen=True, slots=True)
class PointLine:
    """One op as text: what and where it is, its errors and its range."""

    what: str
    origin: str
    local: str
    accumulated: str
    seen: str
    note: str


@dataclass(frozen=True, slots=True)
class DriftView:
    """The drawing in percent of its width and height (from the top): `line` for polyline, `stems` for path.

    `first` is the index of the op that loses most, `most` are those that do, in that order.
    """

    points: tuple[PointLine, ...]
    line: str
    stems: str
    ticks: tuple[tuple[float, str], ...]
    first: int
    most: tuple[PointLine, ...]


def drift_view(drift: Drift) -> DriftView:
    """Return the drawing of a drift, which has at least one point; `x` goes by the order of the run."""
    axis = Decades.over(value for point in drift.points for value in (point.local, point.accumulated))
    count = len(drift.points)
    xs = [round(100 * (index + 0.5) / count, 2) for index in range(count)]
    heights = [(100 - axis.position(point.local), 100 - axis.position(point.accumulated)) for point in drift.points]
    lines = tuple(_line(point) for point in drift.points)
    order = sorted(range(count), key=lambda index: drift.points[index].local, reverse=True)
    return DriftView(
        lines,
        " ".join(f"{x},{high:.2f}" for x, (_, high) in zip(xs, heights, strict=True)),
        "".join(f"M{x} 100V{high:.2f}" for x, (high, _) in zip(xs, heights, strict=True)),
        axis.ticks(),
        order[0],
        tuple(lines[index] for index in order[:LOSING_MOST]),
    )


def _line(point: DriftPoint) -> PointLine:
    low, high = (format_number(value, 3) for value in (point.low, point.high))
    return PointLine(
        what=f"{point.type} {point.name}",
        origin=point.origin,
        local=format_number(point.local),
        accumulated=format_number(point.accumulated),
        seen=f"{low}..{high}",
        note=f"{format_count(point.lost)} elements become infinite or NaN here" if point.lost else "",
    )

"""Each output's values, source against artifact, and its largest difference by sample, as drawings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mlparity.core.numbers import format_count, format_number
from mlparity.record.figures import OutputFigures
from mlparity.record.plots import BySample, ValuePairs
from mlparity.report.axis import Decades
from mlparity.report.rows import Comparison, Group

OUTPUTS_DRAWN = 2
"""For how many outputs there are drawings."""

DRAWINGS_OPEN = 4
"""How many groups of settings are unfolded."""

_LEAST = 1.5
"""The height in percent of the bar of the smallest difference, so that it can be seen."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """Dots in percent of a square, from its top left corner, as paths; `drawn` are even draws, `apart` the furthest.

    `low` and `high` are the ends of both axes. `text` says what the dots are, and what cannot be drawn.
    """

    drawn: str
    apart: str
    low: str
    high: str
    text: str


@dataclass(frozen=True, slots=True)
class SampleBars:
    """The largest difference by sample on an axis of decades, as paths in percent from the top left corner.

    `unequal` are bars of samples where a NaN or an infinity has no equal. `limit` is where the policy's bound stands,
    from the bottom; None where it has none. `text` says what the bars are.
    """

    bars: str
    unequal: str
    ticks: tuple[tuple[float, str], ...]
    limit: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """What one group of settings made of an output."""

    group: Group
    scatter: Scatter
    bars: SampleBars


@dataclass(frozen=True, slots=True)
class Drawings:
    """One output and its drawings, on the same axes."""

    output: str
    drawings: tuple[Drawing, ...]


def drawings_of(
    comparisons: Sequence[Comparison], limits: Mapping[str, float | None], samples: int
) -> tuple[Drawings, ...]:
    """Return the drawings of the first outputs; `limits` are bounds on the largest difference by output."""
    found = (_drawings(each, limits.get(each.output), samples) for each in comparisons[:OUTPUTS_DRAWN])
    return tuple(each for each in found if each.drawings)


def _drawings(comparison: Comparison, limit: float | None, samples: int) -> Drawings:
    known = [
        (group, output.pairs, output.by_sample, output)
        for group, output in comparison.entries
        if output.pairs is not None and output.by_sample is not None
    ]
    ends = _ends(pairs for _, pairs, _, _ in known)
    axis = Decades.over([limit, *(value for _, _, by_sample, _ in known for value in by_sample.largest)])
    return Drawings(
        comparison.output,
        tuple(
            Drawing(group, _scatter(pairs, ends, output), _bars(by_sample, axis, limit, samples))
            for group, pairs, by_sample, output in known
        ),
    )


def _ends(all_pairs: Iterable[ValuePairs]) -> tuple[float, float]:
    values = [value for pairs in all_pairs for pair in (*pairs.drawn, *pairs.apart) for value in pair]
    return min(values, default=0.0), max(values, default=0.0)


def _scatter(pairs: ValuePairs, ends: tuple[float, float], output: OutputFigures) -> Scatter:
    low, high = (format_number(end, 3) for end in ends)
    return Scatter(_dots(pairs.drawn, ends), _dots(pairs.apart, ends), low, high, _pairs_text(pairs, output))


def _dots(pairs: Iterable[tuple[float, float]], ends: tuple[float, float]) -> str:
    places = dict.fromkeys((_place(source, ends), 100 - _place(artifact, ends)) for source, artifact in pairs)
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)


def _place(value: float, ends: tuple[float, float]) -> float:
    """Return where a value stands between the ends, in percent; halved first, so that no width overflows."""
    low, high = (end / 2 for end in ends)
    return 50.0 if high == low else round(100 * (value / 2 - low) / (high - low), 1)


def _pairs_text(pairs: ValuePairs, output: OutputFigures) -> str:
    shown = f"{len(pairs.drawn)} of {format_count(pairs.finite)} values drawn evenly"
    apart = f", and the {len(pairs.apart)} that lie furthest apart." if pairs.apart else "; no finite value differs."
    if not pairs.undrawn:
        return f"{shown}{apart}"
    unequal, verb = format_count(output.histogram.not_finite), "is" if pairs.undrawn == 1 else "are"
    return (
        f"{shown}{apart} {format_count(pairs.undrawn)} more {verb} NaN or infinite on one side or both and cannot be"
        f" drawn; {unequal} of them have no equal on the other side."
    )


def _bars(by_sample: BySample, axis: Decades, limit: float | None, samples: int) -> SampleBars:
    stretches = len(by_sample.largest)
    bars: list[str] = []
    unequal: list[str] = []
    for index, value in enumerate(by_sample.largest):
        if value:
            height = max(_LEAST, axis.position(value))
            path = f"M{100 * (index + 0.5) / stretches:.2f} 100V{100 - height:.1f}"
            (unequal if math.isinf(value) else bars).append(path)
    bound = axis.position(limit) if limit else None
    return SampleBars("".join(bars), "".join(unequal), axis.ticks(), bound, _samples_text(by_sample, samples))


def _samples_text(by_sample: BySample, samples: int) -> str:
    width = by_sample.width
    each = "for each sample" if width == 1 else f"for each {width} samples"
    parts = [f"Largest difference {each}, in the order of the {format_count(by_sample.samples)} samples"]
    if by_sample.unequal:
        parts.append(f"in {format_count(by_sample.unequal)} a NaN or an infinity has no equal (bars to the top)")
    if by_sample.unread:
        parts.append(f"in {format_count(by_sample.unread)} no value is finite on both sides (no bar)")
    if by_sample.samples < samples:
        parts.append(f"{format_count(samples - by_sample.samples)} could not be compared")
    return "; ".join(parts) + "."

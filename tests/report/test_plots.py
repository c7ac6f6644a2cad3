"""Drawings of values and samples: true to the record, on shared axes, and open about what cannot be drawn."""

from __future__ import annotations

import math
import re

import numpy as np

from mlparity.compare.comparer import Comparer
from mlparity.report.plots import Drawings, drawings_of
from mlparity.report.rows import Comparison, Group


def drawings(*pairs: tuple[np.ndarray, np.ndarray], limit: float | None = 0.01, samples: int = 0) -> Drawings:
    comparer = Comparer(class_outputs=())
    for at, (source, artifact) in enumerate(pairs):
        comparer.add(f"sample {at}", {"y": source}, {"y": artifact})
    outputs = comparer.result()
    group = Group(("fp16/ALL",), "computed", "", "", outputs)
    (found,) = drawings_of([Comparison("y", ((group, outputs[0]),))], {"y": limit}, samples or len(pairs))
    return found


def dots(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", path)]


def test_a_dot_stands_where_its_values_are() -> None:
    (drawing,) = drawings((np.array([0.0, 5.0, 10.0]), np.array([0.0, 5.0, 2.5]))).drawings
    assert set(dots(drawing.scatter.drawn)) == {(0, 100), (50, 50), (100, 75)}
    assert dots(drawing.scatter.apart) == [(100, 75)]
    assert (drawing.scatter.low, drawing.scatter.high) == ("0.0", "10")


def test_values_of_one_size_and_of_the_largest_have_places() -> None:
    for values in (np.zeros(3), np.array([-1.7e308, 1.7e308])):
        (drawing,) = drawings((values, values)).drawings
        assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in dots(drawing.scatter.drawn))
        assert "no finite value differs" in drawing.scatter.text


def test_bars_stand_for_samples_in_their_order() -> None:
    zero = np.zeros(2)
    (drawing,) = drawings(*((zero, np.array([0.0, size])) for size in (0.0, 0.001, 0.1))).drawings
    heights = [(float(x), 100 - float(y)) for x, y in re.findall(r"M([\d.]+) 100V([\d.]+)", drawing.bars.bars)]
    (first, low), (second, high) = heights
    assert (first, second) == (50.0, 83.33), "a sample without a difference has no bar"
    assert 0 < low < (drawing.bars.limit or 0) < high
    assert drawing.bars.unequal == ""


def test_what_is_not_finite_and_what_was_not_compared_is_said() -> None:
    source = np.array([1.0, 2.0])
    nan = np.full(2, math.nan)
    (drawing,) = drawings((source, np.array([1.0, math.nan])), (nan, nan), (source, source), samples=5).drawings
    assert "3 more are NaN or infinite" in drawing.scatter.text
    assert "1 of them have no equal" in drawing.scatter.text
    assert drawing.bars.unequal.count("V0.0") == 1, "to the top"
    for words in ("in 1 a NaN or an infinity has no equal", "in 1 no value is finite", "2 could not be compared"):
        assert words in drawing.bars.text

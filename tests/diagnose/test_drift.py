"""The error along a graph: an op's local error, the accumulated one, and which points stay."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from coremltools.converters.mil import Builder as mb
from torch import nn

from mlparity.core.words import Confidence, Provenance
from mlparity.diagnose.drift import drift_of, gap, thinned
from mlparity.engine.numerics import FP32, TYPED
from mlparity.engine.reading import read_program
from mlparity.engine.runtime.bind import bind
from mlparity.record.drift import Drift, DriftPoint
from tests.faults.makers import program

Follow = Callable[[Callable[[Any], Any], torch.Tensor], dict[str, DriftPoint]]


@pytest.fixture
def follow(tmp_path: Path) -> Follow:
    def run(build: Callable[[Any], Any], x: torch.Tensor) -> dict[str, DriftPoint]:
        path = tmp_path / "written.mlpackage"
        program(lambda _, x: build(x))(nn.Identity(), {"x": np.zeros(tuple(x.shape), np.float32)}, path)
        read = read_program(path)
        return {each.type: each for each in drift_of(bind(read, TYPED), bind(read, FP32), {"x": x}).points}

    return run


def half(x: Any) -> Any:
    return mb.cast(x=x, dtype="fp16")


def relative(found: np.ndarray, expected: np.ndarray) -> float:
    wide = expected.astype(np.float64)
    return float(np.sqrt(np.mean((found.astype(np.float64) - wide) ** 2) / np.mean(wide**2)))


def test_each_op_has_its_local_and_its_accumulated_error(follow: Follow) -> None:
    """The same figures from numpy's own fp16, without the engine."""
    x = np.linspace(-3, 3, 64, dtype=np.float32)
    found = follow(lambda x: mb.cast(x=mb.exp(x=mb.square(x=half(x))), dtype="fp32"), torch.from_numpy(x))
    first = x.astype(np.float16)
    second = (first.astype(np.float32) ** 2).astype(np.float16)
    third = np.exp(second.astype(np.float32)).astype(np.float16)
    assert found["square"].local == pytest.approx(relative(second, first.astype(np.float64) ** 2), rel=1e-3)
    assert found["square"].accumulated == pytest.approx(relative(second, x.astype(np.float64) ** 2), rel=1e-3)
    assert found["exp"].local == pytest.approx(relative(third, np.exp(second.astype(np.float64))), rel=1e-3)
    assert found["exp"].accumulated == pytest.approx(relative(third, np.exp(x.astype(np.float64) ** 2)), rel=1e-3)
    assert found["exp"].accumulated > 3 * found["exp"].local
    assert (found["exp"].low, found["exp"].high) == pytest.approx((np.exp(x**2).min(), np.exp(x**2).max()), rel=1e-5)


def test_an_overflow_is_counted_where_it_happens(follow: Follow) -> None:
    x = torch.tensor([1.0, 300.0, 400.0, -2.0])
    found = follow(lambda x: mb.relu(x=mb.square(x=half(x))), x)
    assert (found["square"].lost, found["square"].local, found["square"].accumulated) == (2, math.inf, math.inf)
    assert found["square"].high == 160_000.0


def test_a_gap_is_relative_and_infinite_where_nothing_equals() -> None:
    nan, inf = math.nan, math.inf
    for found, expected, value in (
        ((1.0, nan, inf), (1.0, nan, inf), 0.0),
        ((0.0, 0.0), (0.0, 0.0), 0.0),
        ((3.0, 5.0), (3.0, 4.0), math.sqrt(0.5) / math.sqrt(12.5)),
        ((nan, 1.0), (1.0, 1.0), inf),
        ((inf, 1.0), (-inf, 1.0), inf),
        ((1.0, 0.0), (0.0, 0.0), inf),
    ):
        assert gap(torch.tensor(found), torch.tensor(expected)) == pytest.approx(value)


def test_of_a_long_drift_the_largest_of_each_stretch_stays() -> None:
    points = [DriftPoint(place, "add", f"op{place}", "y", (place * 7) % 10, 1.0, 0.0, 1.0) for place in range(25)]
    kept = thinned(points, 5)
    assert [point.local for point in kept] == [8, 9, 8, 9, 8]
    assert [point.step for point in kept] == sorted(point.step for point in kept)
    assert [point.step // 5 for point in kept] == [0, 1, 2, 3, 4]
    assert thinned(points, 25) == tuple(points)


def test_an_emulated_drift_names_its_members() -> None:
    plain = Drift("a.mlpackage", "photo", "ideal", Provenance.COMPUTED, 0, ())
    known = replace(plain, provenance=Provenance.EMULATED, profiles=("cpu-a",), confidence=Confidence.ASSUMED)
    assert known.profiles == ("cpu-a",)
    wrongs: tuple[dict[str, Any], ...] = ({"profiles": ()}, {"confidence": None}, {"provenance": Provenance.COMPUTED})
    for wrong in wrongs:
        with pytest.raises(ValueError, match="profiles"):
            replace(known, **wrong)

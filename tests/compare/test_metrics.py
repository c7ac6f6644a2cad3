"""Every figure, on values whose answer is known by hand or by another formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.compare.comparer import Comparer
from mlparity.compare.metrics import METRIC_INFOS, METRICS
from mlparity.core.record import OutputFigures

NAN, INF = math.nan, math.inf


def compare(source: object, artifact: object, dtype: str = "float32") -> OutputFigures:
    comparer = Comparer()
    comparer.add("a", {"y": np.array(source, dtype)}, {"y": np.array(artifact, dtype)})
    (output,) = comparer.result()
    return output


def test_every_metric_describes_itself() -> None:
    assert len({info.name for info in METRIC_INFOS}) == len(METRICS)
    assert all(info.title and info.unit and info.formula.endswith(".") for info in METRIC_INFOS)


EXPECTED = [
    ("max_abs", 2.0),
    ("min_abs", 0.0),
    ("mean_abs", 1.0),
    ("rmse", math.sqrt(5 / 3)),
    ("relative_l2", math.sqrt(5 / 25)),
    ("cosine", 28 / 30),
    ("snr_db", 10 * math.log10(25 / 5)),
    ("psnr_db", 20 * math.log10(4 / math.sqrt(5 / 3))),
    ("nan_count", 0.0),
    ("inf_count", 0.0),
]


@pytest.mark.parametrize(("name", "value"), EXPECTED)
def test_known_values(name: str, value: float) -> None:
    figures = compare([3.0, 4.0, 0.0], [4.0, 4.0, -2.0], "float64").figures
    assert figures[name] == pytest.approx(value, rel=1e-12)


@given(
    st.lists(st.lists(st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 2), min_size=1, max_size=9), min_size=1, max_size=5)
)
def test_streaming_equals_one_pass_over_everything(samples: list[list[tuple[float, float]]]) -> None:
    comparer = Comparer()
    for place, sample in enumerate(samples):
        source, artifact = np.array(sample, np.float32).T
        comparer.add(str(place), {"y": source}, {"y": artifact})
    (output,) = comparer.result()
    source, artifact = np.concatenate([np.array(sample, np.float64) for sample in samples]).T
    difference = np.abs(source - artifact)
    assert output.figures["max_abs"] == difference.max()
    assert output.figures["min_abs"] == difference.min()
    assert output.figures["mean_abs"] == pytest.approx(difference.mean(), rel=1e-12)
    assert output.figures["rmse"] == pytest.approx(math.sqrt((difference**2).mean()), rel=1e-12)
    assert output.scale == np.abs(source).max()
    assert output.elements == difference.size
    assert sum(output.histogram.counts) + output.histogram.zeros == difference.size


def test_no_difference_has_infinite_ratios() -> None:
    figures = compare([1.0, 2.0], [1.0, 2.0]).figures
    assert figures["snr_db"] == figures["psnr_db"] == INF
    assert figures["relative_l2"] == 0.0
    assert figures["cosine"] == 1.0


def test_ratios_to_a_zero_source() -> None:
    figures = compare([0.0, 0.0], [1.0, 0.0]).figures
    assert figures["snr_db"] == -INF
    assert figures["psnr_db"] is None
    assert figures["relative_l2"] is None
    assert figures["cosine"] is None
    assert compare([0.0, 0.0], [0.0, 0.0]).figures["cosine"] is None


@pytest.mark.parametrize(
    ("source", "artifact", "nan", "new", "inf"),
    [
        ([NAN, 1.0], [NAN, 1.0], 0, 0, 0),
        ([INF, -INF], [INF, -INF], 0, 0, 0),
        ([1.0, 1.0], [NAN, 1.0], 1, 1, 0),
        ([NAN, 1.0], [1.0, 1.0], 1, 0, 0),
        ([INF, 1.0], [-INF, 1.0], 0, 0, 1),
        ([1.0, 1.0], [INF, 1.0], 0, 0, 1),
        ([INF, 1.0], [1.0, 1.0], 0, 0, 1),
        ([INF, INF], [NAN, INF], 1, 1, 0),
    ],
)
def test_positions_without_a_finite_pair(
    source: list[float], artifact: list[float], nan: int, new: int, inf: int
) -> None:
    output = compare(source, artifact)
    counts = [output.figures[name] for name in ("nan_count", "new_nan_count", "inf_count")]
    assert counts == [nan, new, inf]
    assert output.histogram.not_finite == nan + inf
    assert output.elements == 2


def test_differences_ignore_positions_that_are_not_finite() -> None:
    figures = compare([NAN, 1.0, 2.0, INF], [NAN, 1.5, 2.0, 7.0]).figures
    assert figures["max_abs"] == 0.5
    assert figures["mean_abs"] == 0.25


def test_the_scale_is_the_source_s_own() -> None:
    assert compare([-20.0, NAN, INF], [NAN, NAN, NAN]).scale == 20.0


@pytest.mark.parametrize("shape", [(0,), (0, 10), (2, 0)])
def test_an_empty_output_has_no_figures(shape: tuple[int, ...]) -> None:
    comparer = Comparer()
    comparer.add("a", {"y": np.empty(shape, np.float32)}, {"y": np.empty(shape, np.float32)})
    (output,) = comparer.result()
    assert output.elements == 0
    assert set(output.figures.values()) == {None}
    assert output.worst == ()


def test_rank_0() -> None:
    output = compare(2.0, 2.5)
    assert output.figures["max_abs"] == 0.5
    assert output.flips is None


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
def test_integers_and_bools(dtype: str) -> None:
    figures = compare([0, 1, 1], [1, 1, 0], dtype).figures
    assert figures["max_abs"] == 1.0
    assert figures["mean_abs"] == pytest.approx(2 / 3)
    assert "flips" not in figures


def test_integers_are_subtracted_exactly() -> None:
    assert compare([2**62, -(2**63)], [2**62 + 1, 2**63 - 1], "int64").figures["min_abs"] == 1.0
    assert compare([2**63], [2**63 + 1], "uint64").figures["max_abs"] == 1.0


def test_fp16_is_not_summed_in_fp16() -> None:
    source, artifact = np.full(100_000, 1.0, np.float16), np.full(100_000, 1.5, np.float16)
    figures = compare(source, artifact, "float16").figures
    assert figures["mean_abs"] == 0.5
    assert figures["rmse"] == 0.5


def test_decades() -> None:
    histogram = compare([0.0] * 6, [0.0, 1e-3, 0.00999, 1.0, 1e-20, 1e9], "float64").histogram
    by_decade = dict(zip(histogram.edges, histogram.counts, strict=False))
    assert {edge: count for edge, count in by_decade.items() if count} == {-12: 1, -3: 2, 0: 1, 5: 1}
    assert histogram.zeros == 1
    assert len(histogram.edges) == len(histogram.counts) + 1

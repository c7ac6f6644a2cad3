"""Every figure, on values whose answer is known by hand or by another formula."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.compare.comparer import Comparer
from mlparity.compare.decisions import DecisionTally
from mlparity.compare.masks import MaskTally
from mlparity.compare.metrics import METRIC_INFOS, METRICS, figures_of
from mlparity.compare.retrieval import RetrievalTally
from mlparity.compare.tally import Tally, TaskTally
from mlparity.record.figures import OutputFigures

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


@pytest.mark.parametrize(
    ("source", "artifact", "difference"),
    [
        (np.array([2**53], np.int64), np.array([2**53 + 1], np.uint64), 1.0),
        (np.array([2**53 + 1], np.int64), np.array([2.0**53]), 1.0),
        (np.array([2.0**53]), np.array([2**53 + 1], np.uint64), 1.0),
        (np.array([-(2**63)], np.int64), np.array([2**64 - 1], np.uint64), 2.0**64 + 2.0**63),
        (np.array([2**63 - 1], np.int64), np.array([2.0**63], np.float32), 1.0),
        (np.array([-1], np.int8), np.array([255], np.uint8), 256.0),
        (np.array([2**53 + 1, 7], np.int64), np.array([math.inf, 7.5]), 0.5),
        (np.array([True]), np.array([2**62], np.int64), 2.0**62 - 1),
    ],
)
def test_integers_against_other_types(source: np.ndarray, artifact: np.ndarray, difference: float) -> None:
    for first, second in ((source, artifact), (artifact, source)):
        comparer = Comparer()
        comparer.add("a", {"y": first}, {"y": second})
        assert comparer.result()[0].figures["max_abs"] == difference


@given(st.lists(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 2), min_size=1, max_size=5))
def test_int64_differences_are_those_of_integers(pairs: list[tuple[int, int]]) -> None:
    source, artifact = np.array(pairs, np.int64).T
    figures = compare(source, artifact, "int64").figures
    exact = [abs(first - second) for first, second in pairs]
    assert figures["max_abs"] == float(max(exact))
    assert figures["min_abs"] == float(min(exact))


def test_a_type_wider_than_float64_is_not_compared() -> None:
    if np.dtype(np.longdouble).itemsize == 8:
        assert compare([1.0], [2.0], "longdouble").figures["max_abs"] == 1.0
        return
    comparer = Comparer()
    comparer.add("a", {"y": np.ones(1, np.longdouble)}, {"y": np.ones(1)})
    assert "wider than float64" in comparer.problems[0]


def test_sums_of_samples_are_those_of_all_values() -> None:
    """Each sum of a tally, against one pass: the cosine needs the products, the ratios the energies."""
    generator = np.random.default_rng(3)
    source, artifact = generator.standard_normal((2, 7, 5))
    comparer = Comparer()
    for place in range(7):
        comparer.add(str(place), {"y": source[place]}, {"y": artifact[place]})
    figures = comparer.result()[0].figures
    flat, other = source.reshape(-1), artifact.reshape(-1)
    cosine = flat @ other / np.sqrt((flat @ flat) * (other @ other))
    assert abs(cosine) < 0.9
    assert figures["cosine"] == pytest.approx(cosine, rel=1e-12)
    assert figures["relative_l2"] == pytest.approx(np.linalg.norm(flat - other) / np.linalg.norm(flat), rel=1e-12)
    assert figures["snr_db"] == pytest.approx(20 * np.log10(np.linalg.norm(flat) / np.linalg.norm(flat - other)))
    peak = flat.max() - flat.min()
    assert figures["psnr_db"] == pytest.approx(20 * np.log10(peak / np.sqrt(((flat - other) ** 2).mean())))


def test_every_figure_is_within_its_range() -> None:
    generator = np.random.default_rng(5)
    for size in (1e-3, 1.0, 1e3):
        source = generator.standard_normal((4, 7))
        figures = compare(source, source + size * generator.standard_normal((4, 7)), "float64").figures
        for metric in METRICS:
            value = figures.get(metric.info.name)
            assert value is None or metric.range.low <= value <= metric.range.high


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_squares_beyond_float64_leave_no_ratio(size: float) -> None:
    figures = compare([size, size], [size, -size], "float64").figures
    assert figures["max_abs"] == 2 * size
    assert all(figures[name] is None for name in ("relative_l2", "cosine", "snr_db", "psnr_db"))


def test_positions_that_are_not_finite_are_counted_on_both_sides() -> None:
    figures = compare([NAN, NAN, INF, 1.0, INF], [NAN, 1.0, INF, INF, NAN]).figures
    assert (figures["nan_positions"], figures["inf_positions"]) == (3.0, 2.0)
    assert (figures["nan_count"], figures["inf_count"]) == (2.0, 1.0)


HALF = Tally(
    elements=4,
    finite=2,
    max_abs=2.0,
    min_abs=1.0,
    sum_abs=3.0,
    squared_error=5.0,
    source_energy=20.0,
    artifact_energy=45.0,
    product=15.0,
    source_max=3.0,
    source_min=-2.0,
)


@pytest.mark.parametrize(
    ("tally", "figures"),
    [
        (
            HALF,
            {
                "mean_abs": 1.5,
                "rmse": math.sqrt(2.5),
                "relative_l2": 0.5,
                "cosine": 0.5,
                "snr_db": 10 * math.log10(4),
                "psnr_db": 20 * math.log10(5 / math.sqrt(2.5)),
                "inf_positions": 2.0,
            },
        ),
        (replace(HALF, max_abs=0.0), {"relative_l2": 0.0, "cosine": 1.0, "snr_db": INF, "psnr_db": INF}),
        (replace(HALF, product=31.0), {"cosine": 1.0}),
        (replace(HALF, product=-31.0), {"cosine": -1.0}),
        (replace(HALF, source_energy=0.0), {"relative_l2": None, "cosine": None, "snr_db": -INF}),
        (replace(HALF, artifact_energy=0.0), {"cosine": None, "relative_l2": 0.5}),
        (replace(HALF, source_max=-2.0), {"psnr_db": None, "relative_l2": 0.5}),
        # Squares that left float64's range, above or below, say nothing of a ratio.
        (replace(HALF, squared_error=INF), {"relative_l2": None, "cosine": None, "snr_db": None, "psnr_db": None}),
        (replace(HALF, squared_error=0.0), {"relative_l2": None, "cosine": None, "snr_db": None, "psnr_db": None}),
        (replace(HALF, product=INF), {"cosine": None, "relative_l2": 0.5}),
        (replace(HALF, source_energy=INF), {"cosine": None}),
        (replace(HALF, finite=0), {"mean_abs": None, "rmse": None, "max_abs": None, "cosine": None, "snr_db": None}),
        (replace(HALF, nans=1, nan_mismatches=1), {"nan_positions": 1.0, "inf_positions": 1.0, "nan_count": 1.0}),
        (Tally(), {"nan_count": None, "inf_count": None, "new_nan_count": None, "nan_positions": None}),
        (Tally(), {"inf_positions": None, "max_abs": None, "relative_l2": None}),
    ],
)
def test_figures_of_a_tally_by_hand(tally: Tally, figures: dict[str, float | None]) -> None:
    found = figures_of(tally)
    assert {name: found[name] for name in figures} == {
        name: None if value is None else pytest.approx(value, rel=1e-14) for name, value in figures.items()
    }


SCORES = DecisionTally(8, 2, 0.5, 0.25, 1.5, 3, 4, 8, 30, 40)
MASKS = MaskTally(4, 3.0, 0.25, 5, 20)
SEARCHES = RetrievalTally(8, 6, 4.0, 5, 2.5, 0.1)


@pytest.mark.parametrize(
    ("task", "figures"),
    [
        (TaskTally(SCORES), {"flips": 2.0, "flip_rate": 0.25, "margin_consumed": 1.5}),
        (TaskTally(SCORES), {"topk_flips": 4.0, "top5_agreement": 0.75}),
        (TaskTally(mask=MASKS), {"mask_iou": 0.75, "mask_iou_worst": 0.25, "mask_changed": 0.25}),
        (
            TaskTally(retrieval=SEARCHES),
            {"nearest_agreement": 0.75, "neighbour_agreement": 0.5, "rank_correlation": 0.5},
        ),
        (TaskTally(retrieval=replace(SEARCHES, ranked=0)), {"nearest_agreement": 0.75, "rank_correlation": None}),
        # A task with nothing to show has its figures, without values.
        (TaskTally(DecisionTally()), {"flips": None, "flip_rate": None}),
        (TaskTally(mask=MaskTally()), {"mask_iou": None, "mask_iou_worst": None, "mask_changed": None}),
        (TaskTally(retrieval=RetrievalTally()), {"nearest_agreement": None, "rank_correlation": None}),
    ],
)
def test_figures_of_a_task_by_hand(task: TaskTally, figures: dict[str, float | None]) -> None:
    found = figures_of(replace(HALF, task=task))
    assert {name: found[name] for name in figures} == figures


@pytest.mark.parametrize(
    ("task", "absent"),
    [
        (TaskTally(), ("flips", "flip_rate", "topk_flips", "top5_agreement", "mask_iou", "rank_correlation")),
        (TaskTally(replace(SCORES, topk_of=0, top5_of=0)), ("topk_flips", "top5_agreement", "mask_changed")),
        (TaskTally(replace(SCORES, topk_of=1, top5_of=0)), ("top5_agreement",)),
        (TaskTally(replace(SCORES, topk_of=0, top5_of=1)), ("topk_flips",)),
    ],
)
def test_figures_of_another_task_are_absent(task: TaskTally, absent: tuple[str, ...]) -> None:
    assert not set(absent) & set(figures_of(replace(HALF, task=task)))
    others = {name for name in ("topk_flips", "top5_agreement") if name not in absent}
    assert others <= set(figures_of(replace(HALF, task=task)))


def test_which_figures_noise_can_excuse() -> None:
    of_difference = {info.name for info in METRIC_INFOS if info.of_difference}
    assert of_difference == {"max_abs", "min_abs", "mean_abs", "rmse", "relative_l2", "cosine", "snr_db", "psnr_db"}


def test_which_counts_no_limit_can_allow() -> None:
    counted = {metric.info.name for metric in METRICS if metric.counts_mismatches}
    assert counted == {"nan_count", "new_nan_count", "inf_count"}

"""Limits, noise and the verdict of the whole."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.noise import noise_of
from mlparity.compare.policies import CONSISTENCY, TASK
from mlparity.compare.verdict import judge, judge_all
from mlparity.core.words import ComputeUnit, Precision, Setting, Verdict
from mlparity.record.figures import Flips, OutputFigures
from mlparity.record.policy import Limit, OutputTask, Policy, TaskKind
from mlparity.record.record import Noise
from mlparity.record.rows import RowState, SettingResult

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def figures(source: object, artifact: object) -> tuple[OutputFigures, ...]:
    comparer = Comparer()
    comparer.add("a", {"y": np.asarray(source, np.float64)}, {"y": np.asarray(artifact, np.float64)})
    return comparer.result()


@pytest.mark.parametrize(
    ("artifact", "policy", "verdict"),
    [
        ([20.0, 1.0], CONSISTENCY, PASS),
        ([20.002, 1.0], CONSISTENCY, PASS),  # the limit itself: 1e-4 of 20, and float64 puts it just below
        ([20.0021, 1.0], CONSISTENCY, FAIL),
        ([20.0021, 1.0], TASK, PASS),
        ([21.1, 1.0], TASK, FAIL),
        ([0.9, 1.0], TASK, FAIL),
        ([math.inf, 1.0], TASK, FAIL),
        ([math.nan, 1.0], TASK, FAIL),
    ],
)
def test_built_in_policies(artifact: list[float], policy: Policy, verdict: Verdict) -> None:
    assert judge(policy, figures([20.0, 1.0], artifact)).verdict is verdict


def test_a_reason_says_what_is_above_what() -> None:
    judgement = judge(CONSISTENCY, figures([20.1, 1.0], [20.161, 1.0]))
    assert judgement.reasons == ("y: max difference 0.061, allowed 0.002 (1.0e-04 of scale 20.1)",)


def test_a_reason_tells_close_numbers_apart() -> None:
    (reason,) = judge(Policy("p", (Limit("max_abs", at_most=1.0),)), figures([0.0], [1.0001])).reasons
    assert reason == "y: max difference 1.0001, allowed 1"


def test_at_least() -> None:
    policy = Policy("p", (Limit("cosine", at_least=0.99),))
    assert judge(policy, figures([1.0, 0.0], [1.0, 0.1])).verdict is PASS
    assert "cosine 0.71, at least 0.99 required" in judge(policy, figures([1.0, 0.0], [1.0, 1.0])).reasons[0]


def test_a_new_nan_fails_under_every_policy() -> None:
    policy = Policy("p", (Limit("max_abs", at_most=1e9),))
    judgement = judge(policy, figures([1.0, 2.0], [1.0, math.nan]))
    assert judgement.verdict is FAIL
    assert "the artifact has 1 NaN that the source has not" in judgement.reasons[0]
    assert judge(policy, figures([1.0, math.nan], [1.0, math.nan])).verdict is PASS


@pytest.mark.parametrize(
    ("outputs", "problems", "words"),
    [
        ((), (), "no output was compared"),
        (figures([], []), (), "y: the output is empty"),
        (figures([math.nan], [math.nan]), (), "max_abs has no value"),
        (figures([1.0], [1.0]), ("z: the shapes differ",), "z: the shapes differ"),
        ((), ("z: the shapes differ",), "z: the shapes differ"),
    ],
)
def test_what_cannot_be_read_is_unknown(
    outputs: tuple[OutputFigures, ...], problems: tuple[str, ...], words: str
) -> None:
    judgement = judge(CONSISTENCY, outputs, (), problems)
    assert judgement.verdict is UNKNOWN
    assert words in judgement.reasons[0]


def test_no_applicable_limit_is_unknown() -> None:
    assert judge(Policy("p", (Limit("flips", at_most=0),)), figures([[[1.0]]], [[[1.0]]])).verdict is UNKNOWN
    assert judge(Policy("p", ()), figures([1.0], [1.0])).verdict is UNKNOWN


def test_a_failure_outweighs_what_is_unknown() -> None:
    judgement = judge(CONSISTENCY, figures([1.0], [2.0]), (), ("z: no partner",))
    assert judgement.verdict is FAIL
    assert judgement.reasons[0].startswith("y: max difference")


def test_noise_excuses_a_difference() -> None:
    outputs = figures([1e-3, 0.5], [1e-3, 0.5002])
    assert judge(CONSISTENCY, outputs, (Noise("y", 1.1e-4, 1e-5, 0.5),)).verdict is PASS
    assert judge(CONSISTENCY, outputs, (Noise("y", 0.9e-4, 1e-5, 0.5),)).verdict is FAIL
    assert judge(CONSISTENCY, outputs, (Noise("other", 1.0, 1.0, 1.0),)).verdict is FAIL
    (reason,) = judge(CONSISTENCY, outputs, (Noise("y", 1.1e-4, 1e-5, 0.5),)).reasons
    assert "but within 2 times the source's own fp32 noise 1.1e-04" in reason


def test_noise_excuses_flips_of_classes_that_it_could_swap() -> None:
    outputs = figures([1.0, 1.00001], [1.00001, 1.0])
    assert judge(CONSISTENCY, outputs, (Noise("y", 1e-5, 1e-6, 1.0),)).verdict is PASS
    assert judge(CONSISTENCY, outputs, (Noise("y", 1e-6, 1e-6, 1.0),)).verdict is FAIL


def test_noise_of_a_source_that_does_not_know_its_own_output_excuses_little() -> None:
    """A difference of 0.5 on scale 1 within noise of 0.43 says nothing: neither for the artifact nor against it."""
    noise = (Noise("y", 0.43, 0.1, 1.0),)
    judgement = judge(CONSISTENCY, figures([[[1.0, 0.5]]], [[[1.0, 0.0]]]), noise)
    assert judgement.verdict is UNKNOWN
    assert "which excuses at most 0.01 (0.01 of scale 1)" in judgement.reasons[0]
    assert judge(CONSISTENCY, figures([[[1.0, 0.5]]], [[[1.0, 0.495]]]), noise).verdict is PASS
    assert judge(CONSISTENCY, figures([[[1.0, 0.5]]], [[[1.0, -0.5]]]), noise).verdict is FAIL
    wide = Policy("p", CONSISTENCY.limits, noise_cap=1.0)
    assert judge(wide, figures([[[1.0, 0.5]]], [[[1.0, 0.0]]]), noise).verdict is PASS


def test_flips_beyond_the_cap_are_not_excused() -> None:
    outputs = figures([1.0, 0.96], [0.94, 1.0])
    policy = Policy("p", (Limit("flips", at_most=0),))
    assert judge(policy, outputs, (Noise("y", 0.43, 0.1, 1.0),)).verdict is UNKNOWN
    assert judge(policy, outputs, (Noise("y", 0.009, 0.001, 1.0),)).verdict is FAIL


def test_at_a_threshold_one_score_moves() -> None:
    comparer = Comparer(tasks=(OutputTask("y", TaskKind.THRESHOLD, threshold=0.5),))
    comparer.add("a", {"y": np.array([0.5003])}, {"y": np.array([0.4999])})
    policy = Policy("p", (Limit("flips", at_most=0),))
    assert judge(policy, comparer.result(), (Noise("y", 1.6e-4, 1e-5, 0.5),)).verdict is PASS
    assert judge(policy, comparer.result(), (Noise("y", 1.4e-4, 1e-5, 0.5),)).verdict is FAIL


def test_a_limit_of_one_output_takes_the_place_of_the_general_one() -> None:
    limits = (Limit("max_abs", at_most=0.1), Limit("max_abs", at_most=1.0, output="y"))
    outputs = figures([1.0], [1.5])
    assert judge(Policy("p", limits), outputs).verdict is PASS
    assert judge(Policy("p", limits[:1]), outputs).verdict is FAIL


def test_what_the_policy_names_must_be_there() -> None:
    outputs = figures([1.0], [1.0])
    task = OutputTask("mask", TaskKind.NONE)
    judgement = judge(Policy("p", (Limit("max_abs", at_most=1.0),), tasks=(task,)), outputs)
    assert judgement.verdict is UNKNOWN
    assert judgement.reasons == ("mask: the policy names it, and no such output was compared (y)",)
    own = Policy("p", (Limit("max_abs", at_most=1.0), Limit("flips", at_most=0, output="y")))
    assert "which it does not have" in judge(own, outputs).reasons[0]


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (OutputTask("y", TaskKind.MASK, axis=1), "takes axis 1, and the output has the shape (2,)"),
        (OutputTask("y", TaskKind.CLASSES, axis=-2), "takes axis -2"),
    ],
)
def test_a_task_that_does_not_fit_the_output_is_unknown(task: OutputTask, words: str) -> None:
    comparer = Comparer(tasks=(task,))
    comparer.add("a", {"y": np.ones(2)}, {"y": np.ones(2)})
    policy = Policy("p", (Limit("max_abs", at_most=1.0),), tasks=(task,))
    judgement = judge(policy, comparer.result(), (), comparer.problems)
    assert judgement.verdict is UNKNOWN
    assert words in judgement.reasons[0]


def test_noise_does_not_excuse_an_infinity() -> None:
    assert judge(CONSISTENCY, figures([1.0, 1.0], [1.0, math.inf]), (Noise("y", 10.0, 1.0, 1.0),)).verdict is FAIL


def row(name: str, verdict: Verdict, state: RowState = RowState.COMPARED) -> SettingResult:
    first, second = name.split("/")
    if first == "litert":
        return SettingResult(Setting("litert", Precision(second)), state, verdict)
    return SettingResult(Setting("coreml", Precision(first), ComputeUnit(second)), state, verdict)


def witness(verdict: Verdict) -> SettingResult:
    return replace(row(LITERT, verdict), is_witness=True)


CPU, NE, GPU16, LITERT = "fp32/CPU_ONLY", "fp32/CPU_AND_NE", "fp16/CPU_AND_GPU", "litert/fp32"
NOT_APPLICABLE, FAILED = RowState.NOT_APPLICABLE, RowState.FAILED


@pytest.mark.parametrize(
    ("required", "rows", "verdict"),
    [
        (("any",), [row(CPU, PASS), row(GPU16, FAIL)], PASS),
        (("any",), [row(CPU, FAIL), row(GPU16, FAIL)], FAIL),
        (("any",), [row(CPU, UNKNOWN), row(GPU16, FAIL)], UNKNOWN),
        (("any",), [], UNKNOWN),
        (("any",), [row(NE, UNKNOWN, NOT_APPLICABLE)], UNKNOWN),
        (("any",), [row(CPU, UNKNOWN, FAILED), witness(PASS)], UNKNOWN),
        (("any",), [row(CPU, FAIL), witness(PASS)], FAIL),
        (("any",), [row(CPU, PASS), witness(FAIL)], PASS),
        (("any",), [row(LITERT, PASS)], PASS),
        (("all",), [row(CPU, PASS), row(GPU16, PASS), row(NE, UNKNOWN, NOT_APPLICABLE)], PASS),
        (("all",), [row(CPU, PASS), row(GPU16, FAIL)], FAIL),
        (("all",), [row(CPU, PASS), row(GPU16, UNKNOWN, FAILED)], UNKNOWN),
        (("all",), [row(NE, UNKNOWN, NOT_APPLICABLE)], UNKNOWN),
        (("all",), [], UNKNOWN),
        ((CPU,), [row(CPU, PASS), row(GPU16, FAIL)], PASS),
        ((CPU, GPU16), [row(CPU, PASS), row(GPU16, FAIL)], FAIL),
        ((CPU, GPU16), [row(CPU, PASS)], UNKNOWN),
        ((NE,), [row(CPU, PASS), row(NE, UNKNOWN, NOT_APPLICABLE)], UNKNOWN),
    ],
)
def test_the_whole_follows_what_is_required(
    required: tuple[str, ...], rows: list[SettingResult], verdict: Verdict
) -> None:
    judgement = judge_all(Policy("p", (), required), rows)
    assert judgement.verdict is verdict
    assert judgement.reasons


FREE = Policy("free", (Limit("max_abs", at_most=1e30),))
ONE_SIDED = [
    ([1.0, 2.0], [1.0, math.inf], "1 positions are infinite on one side alone"),
    ([1.0, math.inf], [1.0, 2.0], "1 positions are infinite on one side alone"),
    ([1.0, math.inf], [1.0, -math.inf], "infinities of opposite signs"),
    ([1.0, math.nan], [1.0, 2.0], "the source has 1 NaN that the artifact has not"),
    ([1.0, 2.0], [1.0, math.nan], "the artifact has 1 NaN that the source has not"),
    ([1.0, math.inf], [1.0, math.nan], "the artifact has 1 NaN that the source has not"),
    ([1.0, math.nan], [1.0, math.inf], "the source has 1 NaN that the artifact has not"),
]


@pytest.mark.parametrize(("source", "artifact", "words"), ONE_SIDED)
@pytest.mark.parametrize("policy", [FREE, Policy("flips", (Limit("flips", at_most=9.0),)), Policy("none", ())])
def test_a_position_that_is_finite_on_one_side_fails_under_every_policy(
    policy: Policy, source: list[float], artifact: list[float], words: str
) -> None:
    judgement = judge(policy, figures(source, artifact), (Noise("y", 10.0, 1.0, 1.0),))
    assert judgement.verdict is FAIL
    assert words in judgement.reasons[0]
    assert "y: the figures of differences leave out 1 of 2 positions" in judgement.reasons


def test_what_is_not_finite_on_both_sides_is_told_beside_a_pass() -> None:
    judgement = judge(FREE, figures([1.0, math.nan, math.inf], [1.0, math.nan, math.inf]))
    assert judgement.verdict is PASS
    assert judgement.reasons == ("y: 2 of 3 positions are not finite on both sides; no difference includes them",)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_without_a_finite_position_nothing_was_compared(value: float) -> None:
    for policy in (FREE, Policy("flips", (Limit("flips", at_most=0.0),))):
        assert judge(policy, figures([value, value], [value, value])).verdict is UNKNOWN


def test_an_output_that_no_limit_bounds_is_told() -> None:
    comparer = Comparer()
    outputs = {"scores": np.array([[1.0, 2.0]]), "box": np.array([[[1.0]]])}
    comparer.add("a", outputs, {**outputs, "box": np.array([[[9.0]]])})
    judgement = judge(Policy("p", (Limit("flips", at_most=0),)), comparer.result())
    assert judgement.reasons == ("box: no limit of the policy bounds it",)


@pytest.mark.parametrize("noise", [math.nan, math.inf])
def test_noise_that_is_not_finite_excuses_nothing(noise: float) -> None:
    outputs = figures([[[1.0, 0.5]]], [[[1.0, 0.5002]]])
    assert judge(CONSISTENCY, outputs, (Noise("y", noise, noise, 1.0),)).verdict is FAIL


def test_noise_of_a_source_that_is_not_finite_where_it_is_in_fp64_is_not_known() -> None:
    comparer = Comparer(class_outputs=())
    comparer.add("a", {"y": np.array([1.0, 2.0])}, {"y": np.array([1.1, math.inf])})
    (noise,) = noise_of(comparer.result(), 1e9)
    assert not noise.is_known


@pytest.mark.parametrize(
    "limit", [Limit("max_abs", at_least=1.0), Limit("cosine", at_most=0.5), Limit("max_abs", at_most=2.0, at_least=1.0)]
)
def test_noise_excuses_only_what_noise_makes_worse(limit: Limit) -> None:
    outputs = figures([[[1.0, 0.5]]], [[[1.0, 0.5001]]])
    assert judge(Policy("p", (limit,)), outputs, (Noise("y", 1e-3, 1e-4, 1.0),)).verdict is FAIL


BOUND = 2.0**-10


def exact(scale: float = 1.0, **values: float | None) -> OutputFigures:
    """An output whose figures are exactly these."""
    (output,) = figures([[[1.0, 1.0]]], [[[1.0, 1.0]]])
    return replace(output, figures={**output.figures, **values}, scale=scale)


@pytest.mark.parametrize(
    ("limit", "value", "scale", "verdict"),
    [
        (Limit("max_abs", at_most=BOUND), BOUND, 1.0, PASS),
        (Limit("max_abs", at_most=BOUND), BOUND * 1.0001, 1.0, FAIL),
        (Limit("max_abs", at_most=BOUND), BOUND, 0.0, PASS),
        (Limit("max_abs", at_most=BOUND, of_scale=True), 4 * BOUND, 4.0, PASS),
        (Limit("max_abs", at_most=BOUND, of_scale=True), 4.001 * BOUND, 4.0, FAIL),
        (Limit("max_abs", at_most=BOUND, of_scale=True), BOUND / 2, 0.25, FAIL),
        (Limit("cosine", at_least=0.5), 0.5, 1.0, PASS),
        (Limit("cosine", at_least=0.5), 0.4999, 1.0, FAIL),
        (Limit("rmse", at_least=0.5, of_scale=True), 1.0, 2.0, PASS),
        (Limit("rmse", at_least=0.5, of_scale=True), 0.999, 2.0, FAIL),
        (Limit("rmse", at_most=2.0, at_least=1.0), 1.5, 1.0, PASS),
        (Limit("rmse", at_most=2.0, at_least=1.0), 2.5, 1.0, FAIL),
        (Limit("rmse", at_most=2.0, at_least=1.0), 0.5, 1.0, FAIL),
        (Limit("snr_db", at_least=30.0), math.nan, 1.0, FAIL),
        (Limit("max_abs", at_most=1.0), math.nan, 1.0, FAIL),
        (Limit("snr_db", at_least=30.0), None, 1.0, UNKNOWN),
    ],
)
def test_a_limit_holds_up_to_its_bound(limit: Limit, value: float | None, scale: float, verdict: Verdict) -> None:
    output = exact(scale, **{limit.metric: value})
    assert judge(Policy("p", (limit,)), (output,)).verdict is verdict


@pytest.mark.parametrize(
    ("difference", "noise", "cap", "verdict"),
    [
        # Twice the noise excuses a difference, itself included, and the cap bounds that.
        (2 * BOUND, BOUND, 1.0, PASS),
        (2.001 * BOUND, BOUND, 1.0, FAIL),
        (2 * BOUND, BOUND, 2 * BOUND, PASS),
        (2 * BOUND, BOUND, 1.999 * BOUND, UNKNOWN),
        (BOUND, 100 * BOUND, BOUND, PASS),
        (1.001 * BOUND, 100 * BOUND, BOUND, UNKNOWN),
    ],
)
def test_noise_excuses_up_to_its_bound(difference: float, noise: float, cap: float, verdict: Verdict) -> None:
    policy = Policy("p", (Limit("max_abs", at_most=0.0),), noise_cap=cap)
    assert judge(policy, (exact(max_abs=difference),), (Noise("y", noise, noise, 1.0),)).verdict is verdict


def test_the_cap_is_a_share_of_the_scale() -> None:
    policy = Policy("p", (Limit("max_abs", at_most=0.0),), noise_cap=BOUND)
    noise = (Noise("y", 1.0, 1.0, 4.0),)
    assert judge(policy, (exact(4.0, max_abs=4 * BOUND),), noise).verdict is PASS
    assert judge(policy, (exact(4.0, max_abs=4.001 * BOUND),), noise).verdict is UNKNOWN


THRESHOLD, CLASSES = OutputTask("y", TaskKind.THRESHOLD, threshold=0.5), OutputTask("y", TaskKind.CLASSES)


@pytest.mark.parametrize("metric", ["flips", "flip_rate"])
@pytest.mark.parametrize(
    ("task", "margin", "verdict"),
    [
        # Both scores of a pair move by twice the noise; at a threshold one does.
        (CLASSES, 4 * BOUND, PASS),
        (CLASSES, 4.001 * BOUND, FAIL),
        (None, 4 * BOUND, PASS),
        (THRESHOLD, 2 * BOUND, PASS),
        (THRESHOLD, 2.001 * BOUND, FAIL),
        (CLASSES, None, FAIL),
    ],
)
def test_noise_excuses_flips_up_to_its_bound(
    metric: str, task: OutputTask | None, margin: float | None, verdict: Verdict
) -> None:
    flips = Flips(1, 2, 0.0, 1.0, 0.0, margin, (), 1.0, 0)
    output = replace(exact(max_abs=1.0, **{metric: 1.0}), flips=flips, task=task)
    policy = Policy("p", (Limit(metric, at_most=0.0),), noise_cap=1.0)
    assert judge(policy, (output,), (Noise("y", BOUND, BOUND, 1.0),)).verdict is verdict
    assert judge(policy, (replace(output, flips=None),), (Noise("y", BOUND, BOUND, 1.0),)).verdict is FAIL


def test_noise_excuses_no_figure_that_is_not_of_a_difference() -> None:
    noise = (Noise("y", 1.0, 1.0, 1.0),)
    for metric in ("flip_rate_high", "margin_consumed", "topk_flips", "nan_positions"):
        output = exact(**{metric: 1.0, "max_abs": 0.0})
        assert judge(Policy("p", (Limit(metric, at_most=0.0),)), (output,), noise).verdict is FAIL
    without = exact(max_abs=None, rmse=1e-9)
    assert judge(Policy("p", (Limit("rmse", at_most=0.0),)), (without,), noise).verdict is FAIL


@pytest.mark.parametrize(
    ("value", "bound", "words"),
    [
        (1.5, 1.0, "1.5, allowed 1"),
        (1.001, 1.0, "1.001, allowed 1"),
        (1.0000000000000002, 1.0, "1.0000000000000002, allowed 1.0"),
        (0.75, 0.0, "0.75, allowed 0.0"),
    ],
)
def test_as_many_digits_as_tell_two_numbers_apart(value: float, bound: float, words: str) -> None:
    (reason,) = judge(Policy("p", (Limit("max_abs", at_most=bound),)), (exact(max_abs=value),)).reasons
    assert reason == f"y: max difference {words}"


def test_the_scale_is_written_with_three_digits() -> None:
    limit = Limit("max_abs", at_most=0.001, of_scale=True)
    (reason,) = judge(Policy("p", (limit,)), (exact(1.2345, max_abs=1.0),)).reasons
    assert reason == "y: max difference 1, allowed 0.0012 (0.001 of scale 1.23)"


@pytest.mark.parametrize(
    ("counts", "reasons"),
    [
        ((3.0, 1.0, 0.0), ("the artifact has 1 NaN", "the source has 2 NaN", "leave out 3 of 9")),
        ((1.0, 1.0, 0.0), ("the artifact has 1 NaN", "leave out 1 of 9")),
        ((2.0, 0.0, 4.0), ("the source has 2 NaN", "4 positions are infinite", "leave out 6 of 9")),
        ((0.0, 0.0, 1.0), ("1 positions are infinite", "leave out 1 of 9")),
    ],
)
def test_the_reasons_of_what_is_finite_on_one_side(
    counts: tuple[float, float, float], reasons: tuple[str, ...]
) -> None:
    names = ("nan_count", "new_nan_count", "inf_count")
    output = replace(exact(**dict(zip(names, counts, strict=True))), elements=9)
    judgement = judge(FREE, (output,))
    assert judgement.verdict is FAIL
    assert len(judgement.reasons) == len(reasons)
    assert all(words in reason for words, reason in zip(reasons, judgement.reasons, strict=True))


@pytest.mark.parametrize(
    ("positions", "verdict", "words"),
    [
        (0.0, PASS, ""),
        (1.0, PASS, "1 of 9 positions are not finite on both sides"),
        (8.0, PASS, "8 of 9 positions"),
        (9.0, UNKNOWN, "no position is finite on both sides"),
    ],
)
def test_positions_that_are_not_finite_on_both_sides(positions: float, verdict: Verdict, words: str) -> None:
    output = replace(exact(max_abs=0.0, nan_positions=positions), elements=9)
    judgement = judge(FREE, (output,))
    assert judgement.verdict is verdict
    assert words in "".join(judgement.reasons)
    assert bool(judgement.reasons) is bool(words)


def test_what_decides_comes_first_and_the_rest_stays_in_order() -> None:
    outputs = (exact(max_abs=0.5), replace(exact(max_abs=3.0), output="z"), replace(exact(max_abs=2.0), output="w"))
    judgement = judge(Policy("p", (Limit("max_abs", at_most=1.0),)), outputs, (), ("v: no partner",))
    assert [reason[0] for reason in judgement.reasons] == ["z", "w", "v"]


@pytest.mark.parametrize(
    ("required", "rows", "reasons"),
    [
        (("any",), [row(CPU, PASS), row(GPU16, PASS)], ("fp32/CPU_ONLY, fp16/CPU_AND_GPU passes",)),
        (("any",), [row(CPU, UNKNOWN), row(GPU16, FAIL)], ("fp32/CPU_ONLY could not be judged",)),
        (
            ("any",),
            [row(CPU, FAIL), row(GPU16, FAIL)],
            ("all compared settings fail: fp32/CPU_ONLY, fp16/CPU_AND_GPU",),
        ),
        (("any",), [row(CPU, PASS, FAILED), row(GPU16, FAIL)], ("all compared settings fail: fp16/CPU_AND_GPU",)),
        ((CPU, GPU16), [row(CPU, PASS), row(GPU16, FAIL)], ("fp16/CPU_AND_GPU is required: fail",)),
        ((CPU,), [row(CPU, PASS, FAILED)], ("fp32/CPU_ONLY is required: unknown",)),
        (("all",), [row(CPU, PASS), row(NE, FAIL, NOT_APPLICABLE)], ("fp32/CPU_ONLY is required: pass",)),
        (("all",), [row(LITERT, PASS), row(CPU, FAIL)], ("fp32/CPU_ONLY is required: fail",)),
    ],
)
def test_the_reasons_of_the_whole(
    required: tuple[str, ...], rows: list[SettingResult], reasons: tuple[str, ...]
) -> None:
    assert judge_all(Policy("p", (), required), rows).reasons == reasons


def test_noise_without_bound_excuses_nothing() -> None:
    policy = Policy("p", (Limit("max_abs", at_most=0.0),), noise_factor=math.inf, noise_cap=math.inf)
    assert judge(policy, (exact(max_abs=1.0),), (Noise("y", BOUND, BOUND, 1.0),)).verdict is FAIL


def test_what_the_source_does_not_know_itself_is_told_with_its_scale() -> None:
    policy = Policy("p", (Limit("max_abs", at_most=0.0),))
    (reason,) = judge(policy, (exact(1.2345, max_abs=0.5),), (Noise("y", 1.0, 1.0, 1.2345),)).reasons
    assert "which excuses at most 0.012 (0.01 of scale 1.23)" in reason

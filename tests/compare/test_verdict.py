"""Limits, noise and the verdict of the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.noise import noise_of
from mlparity.compare.policies import CONSISTENCY, TASK
from mlparity.compare.verdict import judge, judge_all
from mlparity.core.policy import Limit, OutputTask, Policy, TaskKind
from mlparity.core.record import Noise, OutputFigures, RowState, SettingResult
from mlparity.core.words import ComputeUnit, Precision, Setting, Target, Verdict

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
    assert judgement.reasons == ("y: max_abs 0.061 is above 0.002 (1.0e-04 of scale 20.1)",)


def test_a_reason_tells_close_numbers_apart() -> None:
    (reason,) = judge(Policy("p", (Limit("max_abs", at_most=1.0),)), figures([0.0], [1.0001])).reasons
    assert reason == "y: max_abs 1.0001 is above 1"


def test_at_least() -> None:
    policy = Policy("p", (Limit("cosine", at_least=0.99),))
    assert judge(policy, figures([1.0, 0.0], [1.0, 0.1])).verdict is PASS
    assert "cosine 0.71 is below 0.99" in judge(policy, figures([1.0, 0.0], [1.0, 1.0])).reasons[0]


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
    assert judgement.reasons[0].startswith("y: max_abs")


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
        return SettingResult(Setting(Target.LITERT, Precision(second)), state, verdict)
    return SettingResult(Setting(Target.COREML, Precision(first), ComputeUnit(second)), state, verdict)


CPU, NE, GPU16, LITERT = "fp32/CPU_ONLY", "fp32/CPU_AND_NE", "fp16/CPU_AND_GPU", "litert/fp32"
EXPLAINED, FAILED = RowState.EXPLAINED, RowState.FAILED


@pytest.mark.parametrize(
    ("required", "rows", "verdict"),
    [
        (("any",), [row(CPU, PASS), row(GPU16, FAIL)], PASS),
        (("any",), [row(CPU, FAIL), row(GPU16, FAIL)], FAIL),
        (("any",), [row(CPU, UNKNOWN), row(GPU16, FAIL)], UNKNOWN),
        (("any",), [], UNKNOWN),
        (("any",), [row(NE, UNKNOWN, EXPLAINED)], UNKNOWN),
        (("any",), [row(CPU, UNKNOWN, FAILED), row(LITERT, PASS)], UNKNOWN),
        (("any",), [row(CPU, FAIL), row(LITERT, PASS)], FAIL),
        (("any",), [row(CPU, PASS), row(LITERT, FAIL)], PASS),
        (("any",), [row(LITERT, PASS)], PASS),
        (("all",), [row(CPU, PASS), row(GPU16, PASS), row(NE, UNKNOWN, EXPLAINED)], PASS),
        (("all",), [row(CPU, PASS), row(GPU16, FAIL)], FAIL),
        (("all",), [row(CPU, PASS), row(GPU16, UNKNOWN, FAILED)], UNKNOWN),
        (("all",), [row(NE, UNKNOWN, EXPLAINED)], UNKNOWN),
        (("all",), [], UNKNOWN),
        ((CPU,), [row(CPU, PASS), row(GPU16, FAIL)], PASS),
        ((CPU, GPU16), [row(CPU, PASS), row(GPU16, FAIL)], FAIL),
        ((CPU, GPU16), [row(CPU, PASS)], UNKNOWN),
        ((NE,), [row(CPU, PASS), row(NE, UNKNOWN, EXPLAINED)], UNKNOWN),
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

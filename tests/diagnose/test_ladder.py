"""The cause that the rungs of a verification show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.compare.comparer import Comparer
from mlparity.compare.envelope import envelope_of
from mlparity.compare.policies import CONSISTENCY
from mlparity.compare.verdict import judge
from mlparity.core.words import DECLARED, ComputeUnit, Confidence, Kernels, Precision, Provenance, Setting, Verdict
from mlparity.diagnose.ladder import find_causes, is_explicable, row_to_explain
from mlparity.record.causes import Cause, CauseKind
from mlparity.record.figures import VariantFigures
from mlparity.record.record import Noise
from mlparity.record.rows import RowState, Rung, SettingResult
from mlparity.report.causes import cause_text

CPU32 = Setting("coreml", Precision.FP32, ComputeUnit.CPU_ONLY)
ALL32 = Setting("coreml", Precision.FP32, ComputeUnit.ALL)
CPU16 = Setting("coreml", Precision.FP16, ComputeUnit.CPU_ONLY)
ALL16 = Setting("coreml", Precision.FP16, ComputeUnit.ALL)
PALETTES16, PALETTES32 = (replace(each, compression="palettize4") for each in (CPU16, CPU32))
OLD32, NEW32 = (replace(CPU32, deployment=name) for name in ("iOS15", "iOS18"))
LITERT = Setting("litert", Precision.FP32)
LITERT8 = Setting("litert", Precision.FP32, compression="int8")
AI32, AI16 = (Setting("coreai", precision) for precision in DECLARED)
NET_CPU, NET_GPU, NET_ALL = (
    Setting("coreml", Precision.NEURAL_NETWORK, unit)
    for unit in (ComputeUnit.CPU_ONLY, ComputeUnit.CPU_AND_GPU, ComputeUnit.ALL)
)
SCALE = 20.0


def row(setting: Setting, difference: float, noise: tuple[Noise, ...] = ()) -> SettingResult:
    """Return a compared row whose one output differs by a share of its scale."""
    comparer = Comparer(class_outputs=())
    comparer.add("a", {"y": np.array([SCALE, 1.0])}, {"y": np.array([SCALE, 1.0 + difference * SCALE])})
    verdict = judge(CONSISTENCY, comparer.result(), noise).verdict
    return SettingResult(setting, RowState.COMPARED, verdict, outputs=comparer.result())


def find_cause(rows: list[SettingResult], noise: tuple[Noise, ...] = (), rungs: Sequence[Rung] = ()) -> Cause:
    return find_causes(rows, noise, rungs).summary


def told(rows: list[SettingResult], noise: tuple[Noise, ...] = (), rungs: Sequence[Rung] = ()) -> str:
    return cause_text(find_cause(rows, noise, rungs), rows, rungs)


def explicable(rows: list[SettingResult], noise: tuple[Noise, ...] = ()) -> SettingResult | None:
    """Return the row to explain of the first target whose artifacts our engine runs."""
    found = find_causes(rows, noise).by_form
    chosen = (row_to_explain(form, cause, rows, noise) for form, cause in found.items() if is_explicable(form.target))
    return next(chosen, None)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([(CPU32, 1e-7), (CPU16, 1e-3)], CauseKind.PRECISION),
        ([(CPU32, 1e-7), (ALL32, 5e-5), (CPU16, 1e-2)], CauseKind.PRECISION),
        ([(CPU32, 1e-7), (CPU16, 5e-5)], CauseKind.PRECISION),  # passes, but the reader sees the difference
        ([(CPU32, 1e-7), (CPU16, 1e-2), (LITERT, 1e-7)], CauseKind.PRECISION),
        ([(CPU32, 1e-7), (CPU16, math.nan)], CauseKind.PRECISION),
        ([(CPU32, 1e-2), (CPU16, 1e-2), (LITERT, 1e-7)], CauseKind.CONVERTER),
        ([(CPU32, math.nan), (LITERT, 1e-7)], CauseKind.CONVERTER),
        ([(CPU32, 1e-7), (CPU16, 1e-6), (LITERT, 0.0)], CauseKind.NONE),
        ([(LITERT, 0.0)], CauseKind.NONE),
        ([(CPU32, 0.0)], CauseKind.NONE),
        ([(CPU32, 1e-2), (CPU16, 1e-2)], CauseKind.UNKNOWN),
        ([(CPU32, 1e-2), (LITERT, 1e-2)], CauseKind.UNKNOWN),
        ([(CPU16, 1e-2)], CauseKind.UNKNOWN),
        ([(CPU32, 9e-5), (CPU16, 2e-4)], CauseKind.UNKNOWN),
        ([(CPU32, 1e-7), (LITERT, 1e-2)], CauseKind.CONVERTER),
        ([], CauseKind.UNKNOWN),
        # Compressed weights are a form of their own, and stand beside the same settings without the compression.
        ([(CPU32, 1e-7), (CPU16, 1e-4), (PALETTES16, 1e-2)], CauseKind.PRECISION),
        ([(CPU32, 1e-7), (CPU16, 1e-7), (PALETTES16, 1e-2)], CauseKind.COMPRESSION),
        ([(CPU32, 1e-7), (PALETTES32, 1e-2), (LITERT, 1e-7)], CauseKind.COMPRESSION),
        ([(CPU32, 1e-2), (PALETTES32, 1e-2), (LITERT, 1e-7)], CauseKind.CONVERTER),
        ([(PALETTES16, 1e-2)], CauseKind.UNKNOWN),
        ([(CPU32, 1e-2), (LITERT8, 1e-7)], CauseKind.UNKNOWN),  # compressed weights are no witness
        # A graph for another deployment target is a witness where it agrees, and says nothing where it differs.
        ([(OLD32, 1e-2), (NEW32, 1e-7)], CauseKind.CONVERTER),
        ([(OLD32, 1e-2), (NEW32, 2e-2)], CauseKind.UNKNOWN),
        ([(OLD32, 1e-2), (NEW32, 2e-2), (LITERT, 1e-7)], CauseKind.CONVERTER),
        ([(OLD32, 1e-2), (NEW32, 1e-7), (LITERT, 1e-2)], CauseKind.UNKNOWN),
        # Beside Core ML, Core AI's fp32 is a witness and its fp16 is not; alone it is judged as Core ML is.
        ([(CPU32, 1e-2), (AI32, 1e-7), (AI16, 1e-2)], CauseKind.CONVERTER),
        ([(CPU32, 1e-7), (CPU16, 1e-3), (AI32, 1e-7), (AI16, math.nan)], CauseKind.PRECISION),
        ([(CPU32, 1e-7), (AI32, 1e-7), (AI16, 1e-2)], CauseKind.PRECISION),
        ([(AI32, 1e-7), (AI16, math.nan), (LITERT, 1e-7)], CauseKind.PRECISION),
        ([(AI32, 1e-2), (LITERT, 1e-7)], CauseKind.CONVERTER),
        # One file: a network is fp32 on the CPU and fp16 elsewhere.
        ([(NET_CPU, 1e-7), (NET_ALL, 1e-2)], CauseKind.COMPUTE_UNIT),
        ([(NET_CPU, 1e-7), (NET_ALL, 5e-5)], CauseKind.COMPUTE_UNIT),  # passes, but the reader sees the difference
        ([(NET_CPU, 1e-7), (NET_ALL, math.nan)], CauseKind.COMPUTE_UNIT),
        ([(NET_CPU, 1e-7), (NET_ALL, 1e-2), (LITERT, 1e-7)], CauseKind.COMPUTE_UNIT),
        ([(NET_CPU, 1e-7), (NET_GPU, 1e-7), (NET_ALL, 1e-7)], CauseKind.NONE),
        ([(NET_CPU, 9e-5), (NET_ALL, 2e-4)], CauseKind.UNKNOWN),
        ([(NET_CPU, 1e-2), (NET_ALL, 1e-2)], CauseKind.UNKNOWN),
        ([(NET_CPU, 1e-2), (NET_ALL, 1e-2), (LITERT, 1e-7)], CauseKind.CONVERTER),
        ([(NET_ALL, 1e-2)], CauseKind.UNKNOWN),
        ([(NET_ALL, 1e-2), (LITERT, 1e-7)], CauseKind.UNKNOWN),
        # What is said of the ML Programs beside it speaks first, and what differs speaks before what agrees.
        ([(NET_CPU, 1e-7), (NET_ALL, 1e-2), (CPU32, 1e-7), (CPU16, 1e-2)], CauseKind.PRECISION),
        ([(NET_CPU, 1e-7), (NET_ALL, 1e-2), (CPU32, 1e-7), (CPU16, 1e-7)], CauseKind.COMPUTE_UNIT),
    ],
)
def test_the_cause(rows: list[tuple[Setting, float]], kind: CauseKind) -> None:
    cause = find_cause([row(setting, difference) for setting, difference in rows])
    assert cause.kind is kind


def test_the_sentence_carries_the_numbers() -> None:
    sentence = told([row(CPU32, 1e-7), row(ALL32, 1e-7), row(CPU16, 1e-3)])
    assert "fp32/CPU_ONLY, fp32/ALL differ by at most 2.0e-06 on scale 20" in sentence
    assert "fp16/CPU_ONLY differs by at most 0.02 on scale 20" in sentence


def test_noise_of_the_source_is_no_difference() -> None:
    for size, kind in ((0.01, CauseKind.NONE), (0.001, CauseKind.UNKNOWN)):
        noise = (Noise("y", size, 0.001, SCALE),)
        assert find_cause([row(CPU32, 2e-4, noise), row(CPU16, 2e-4, noise)], noise).kind is kind


def test_rows_that_were_not_compared_say_nothing() -> None:
    failed = SettingResult(CPU32, RowState.FAILED, Verdict.UNKNOWN, note="conversion failed")
    assert find_cause([failed, row(CPU16, 1e-2)]).kind is CauseKind.UNKNOWN


@pytest.mark.parametrize(
    ("rows", "setting"),
    [
        ([(CPU32, 1e-7), (CPU16, 1e-3)], CPU16),
        ([(CPU32, 1e-5), (CPU16, 1e-2)], CPU16),  # the precision is the cause, whatever fp32 has beside it
        ([(CPU32, 1e-2), (CPU16, 1e-2)], CPU32),
        ([(CPU32, 1e-5)], CPU32),  # passes, and is still more than fp32 explains
        ([(CPU32, 1e-7), (ALL32, 1e-3)], ALL32),
        ([(CPU32, 1e-7)], None),
        ([(LITERT, 1e-2)], None),
        ([(NET_CPU, 1e-7), (NET_GPU, 1e-3), (NET_ALL, 1e-2)], NET_ALL),
        ([(NET_CPU, 1e-3), (NET_ALL, 1e-2)], NET_CPU),
        ([(NET_CPU, 1e-7), (NET_ALL, 1e-7)], None),
        ([], None),
    ],
)
def test_the_row_to_explain(rows: list[tuple[Setting, float]], setting: Setting | None) -> None:
    settings = [row(each, difference) for each, difference in rows]
    found = explicable(settings)
    assert (None if found is None else found.setting) == setting


BOUND = 2.0**-10
"""Twice the noise below: what fp32 explains, exact in float64."""

NOISE = (Noise("y", BOUND / 2, 0.0, 1.0),)


def exact(
    setting: Setting, difference: float | None, verdict: Verdict = Verdict.FAIL, *, scale: float = 1.0, **counts: float
) -> SettingResult:
    """Return a compared row whose largest difference is exactly this, whatever its verdict."""
    figures = {"max_abs": difference, "nan_count": 0.0, "inf_count": 0.0, **counts}
    output = replace(row(setting, 0.0).outputs[0], figures=figures, scale=scale)
    return SettingResult(setting, RowState.COMPARED, verdict, outputs=(output,))


def rung(difference: float, verdict: Verdict, precision: Precision = Precision.FP16) -> Rung:
    outputs = exact(CPU16, difference).outputs
    return Rung("ideal", "ideal arithmetic", precision, "a.mlpackage", Provenance.COMPUTED, verdict, outputs)


@pytest.mark.parametrize(
    ("fp32", "fp16", "kind"),
    [
        # Agreement: up to the bound, or with a pass.
        ((BOUND, Verdict.FAIL), (0.0, Verdict.PASS), CauseKind.NONE),
        ((BOUND * 1.001, Verdict.FAIL), (0.0, Verdict.PASS), CauseKind.UNKNOWN),
        ((BOUND * 1.001, Verdict.PASS), (0.0, Verdict.PASS), CauseKind.NONE),
        ((BOUND * 1.001, Verdict.UNKNOWN), (0.0, Verdict.PASS), CauseKind.UNKNOWN),
        # A clear difference of fp16: more than the bound, and more than four times that of fp32.
        ((0.0, Verdict.PASS), (BOUND, Verdict.FAIL), CauseKind.NONE),
        ((0.0, Verdict.PASS), (BOUND * 1.001, Verdict.FAIL), CauseKind.PRECISION),
        ((BOUND, Verdict.PASS), (4 * BOUND, Verdict.FAIL), CauseKind.UNKNOWN),
        ((BOUND, Verdict.PASS), (4.001 * BOUND, Verdict.FAIL), CauseKind.PRECISION),
        ((BOUND, Verdict.PASS), (4.001 * BOUND, Verdict.PASS), CauseKind.PRECISION),
        ((BOUND / 4, Verdict.PASS), (BOUND, Verdict.FAIL), CauseKind.NONE),
    ],
)
def test_where_agreement_ends(fp32: tuple[float, Verdict], fp16: tuple[float, Verdict], kind: CauseKind) -> None:
    assert find_cause([exact(CPU32, *fp32), exact(CPU16, *fp16)], NOISE).kind is kind


@pytest.mark.parametrize(
    ("scale", "difference", "kind"),
    [
        (2.0**20, 2e-6 * 2.0**20, CauseKind.NONE),  # exactly the bound of fp32: 2e-6 of the scale
        (2.0**20, 2.01e-6 * 2.0**20, CauseKind.UNKNOWN),
        (0.0, BOUND, CauseKind.NONE),
        (0.0, BOUND * 1.001, CauseKind.UNKNOWN),
    ],
)
def test_the_larger_of_scale_and_noise_bounds_what_fp32_explains(
    scale: float, difference: float, kind: CauseKind
) -> None:
    assert find_cause([exact(CPU32, difference, scale=scale)], NOISE).kind is kind


def test_without_scale_and_noise_nothing_is_explained() -> None:
    assert find_cause([exact(CPU32, 1e-30, scale=0.0)]).kind is CauseKind.UNKNOWN
    assert find_cause([exact(CPU32, 0.0, scale=0.0)]).kind is CauseKind.NONE
    assert find_cause([exact(CPU32, None, scale=0.0)]).kind is CauseKind.UNKNOWN  # nothing was compared
    # Another output's noise says nothing of this one.
    assert find_cause([exact(CPU32, BOUND)], (replace(NOISE[0], output="z"),)).kind is CauseKind.UNKNOWN


@pytest.mark.parametrize("counts", [{"nan_count": 1.0}, {"inf_count": 1.0}])
def test_a_mismatch_is_more_than_any_noise(counts: dict[str, Any]) -> None:
    cause = find_cause([exact(CPU32, 0.0, **counts), exact(LITERT, 0.0)], NOISE)
    assert cause.kind is CauseKind.CONVERTER
    assert "fp32/CPU_ONLY has 1 NaN or infinite mismatches in y" in told(
        [exact(CPU32, 0.0, **counts), exact(LITERT, 0.0)], NOISE
    )


def test_mismatches_of_both_kinds_are_counted_together() -> None:
    sentence = told([exact(CPU32, 0.0, nan_count=2.0, inf_count=3.0)])
    assert "has 5 NaN or infinite mismatches in y" in sentence


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([exact(CPU32, 1.0)], "no other runtime was run as a witness"),
        ([exact(CPU32, 1.0, scale=1.2345)], "differs by at most 1 on scale 1.23 although"),
        ([exact(CPU32, 1.0), exact(LITERT, 0.5)], "the witness differs too: litert/fp32 differs by at most 0.5"),
        ([exact(CPU32, 1.0), exact(AI16, 0.0)], "no other runtime was run as a witness"),
        ([exact(CPU32, 1.0), exact(LITERT, 0.0)], "The conversion to Core ML changes the model"),
        ([exact(AI32, 1.0), exact(LITERT, 0.0)], "The conversion to Core AI changes the model"),
        (
            [exact(CPU32, 0.0, Verdict.PASS), exact(CPU16, 0.0, Verdict.PASS)],
            "All compared settings agree with the source",
        ),
        ([exact(CPU32, 0.0), exact(CPU16, 0.0, Verdict.PASS)], "and yet not all pass: fp32/CPU_ONLY (fail)"),
        ([exact(CPU16, 1.0)], "no fp32 setting of Core ML was compared"),
        ([exact(CPU32, 0.0), exact(LITERT, 0.5)], "The conversion to LiteRT changes the model: litert/fp32 differs by"),
        ([exact(CPU32, 0.5, Verdict.PASS), exact(CPU16, 1.0)], "what else differs has no clear cause: fp16/CPU_ONLY"),
    ],
)
def test_the_sentence_says_on_what_it_rests(rows: list[SettingResult], words: str) -> None:
    assert words in told(rows)


def test_what_agrees_is_not_named_among_what_differs() -> None:
    rows = [exact(CPU32, 0.0), exact(LITERT, 0.5), exact(CPU16, 0.0)]
    assert "fp16/CPU_ONLY" not in told(rows)


def test_the_output_that_differs_most_for_its_scale_is_shown() -> None:
    small, large = exact(CPU32, 0.5, scale=1.0).outputs[0], exact(CPU32, 2.0, scale=100.0).outputs[0]
    both = replace(exact(CPU32, 0.0), outputs=(replace(large, output="z"), small))
    assert "differs by at most 0.5 in y on scale 1" in told([both])


@pytest.mark.parametrize(
    ("rungs", "fp16", "kind", "words"),
    [
        ([], [exact(CPU16, 1.0)], CauseKind.PRECISION, "and differs in fp16 (fp16/CPU_ONLY differs by at most 1"),
        # In ideal arithmetic it passes, or agrees to the bound, and a unit fails: the unit is the cause.
        ([rung(0.5, Verdict.PASS)], [exact(CPU16, 1.0)], CauseKind.COMPUTE_UNIT, "what the compute units add"),
        ([rung(BOUND, Verdict.FAIL)], [exact(CPU16, 1.0)], CauseKind.COMPUTE_UNIT, "differs by at most 9.8e-04"),
        ([rung(BOUND * 1.001, Verdict.FAIL)], [exact(CPU16, 1.0)], CauseKind.PRECISION, "add to it"),
        ([rung(0.5, Verdict.UNKNOWN)], [exact(CPU16, 1.0)], CauseKind.PRECISION, "in fp16: in fp16 with ideal"),
        ([rung(0.5, Verdict.PASS)], [exact(CPU16, 1.0, Verdict.PASS)], CauseKind.PRECISION, "with ideal"),
        # One of two ideal runs that fails is enough to blame the precision.
        ([rung(BOUND, Verdict.PASS), rung(0.5, Verdict.FAIL)], [exact(CPU16, 1.0)], CauseKind.PRECISION, "at most 0.5"),
        # fp32 in ideal arithmetic says nothing of fp16.
        ([rung(0.0, Verdict.PASS, Precision.FP32)], [exact(CPU16, 1.0)], CauseKind.PRECISION, "and differs in fp16 ("),
        ([replace(rung(0.0, Verdict.PASS), outputs=())], [exact(CPU16, 1.0)], CauseKind.PRECISION, "differs in fp16 ("),
    ],
)
def test_what_fp16_does_and_what_the_units_add(
    rungs: list[Rung], fp16: list[SettingResult], kind: CauseKind, words: str
) -> None:
    cause = find_cause([exact(CPU32, 0.0, Verdict.PASS), *fp16], NOISE, rungs)
    assert cause.kind is kind
    assert words in told([exact(CPU32, 0.0, Verdict.PASS), *fp16], NOISE, rungs)


@pytest.mark.parametrize(("times", "adds"), [(4.0, False), (4.001, True)])
def test_the_units_add_where_they_differ_four_times_as_much(times: float, adds: bool) -> None:
    rows = [exact(CPU32, 0.0, Verdict.PASS), exact(CPU16, 0.25 * times)]
    sentence = told(rows, NOISE, [rung(0.25, Verdict.FAIL)])
    assert ("the compute units add to it" in sentence) is adds


def test_only_failing_units_are_blamed() -> None:
    rows = [exact(CPU32, 0.0, Verdict.PASS), exact(CPU16, 0.5, Verdict.PASS), exact(ALL16, 1.0)]
    cause = find_cause(rows, NOISE, [rung(0.25, Verdict.PASS)])
    assert cause.kind is CauseKind.COMPUTE_UNIT
    assert told(rows, NOISE, [rung(0.25, Verdict.PASS)]).endswith(
        "what the compute units add does not: fp16/ALL differs by at most 1 on scale 1."
    )


def test_a_row_without_outputs_or_that_was_not_compared_says_nothing() -> None:
    nothing = SettingResult(CPU32, RowState.COMPARED, Verdict.UNKNOWN)
    failed = replace(exact(CPU32, 1.0), state=RowState.FAILED)
    for other in (nothing, failed):
        assert "Nothing was compared" in told([other])
        assert find_cause([other, exact(ALL32, 0.0)]).kind is (CauseKind.NONE if other is failed else CauseKind.UNKNOWN)
        assert explicable([other]) is None


@pytest.mark.parametrize(("difference", "is_explained"), [(BOUND, False), (BOUND * 1.001, True)])
def test_what_fp32_explains_is_no_row_to_explain(difference: float, is_explained: bool) -> None:
    rows = [exact(CPU32, difference)]
    assert (explicable(rows, NOISE) is not None) is is_explained
    rows = [exact(CPU32, 0.0), exact(CPU16, difference)]
    assert (explicable(rows, NOISE) is not None) is is_explained


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_where_no_position_is_finite_nothing_agrees(value: float) -> None:
    comparer = Comparer(class_outputs=())
    comparer.add("a", {"y": np.full(2, value)}, {"y": np.full(2, value)})
    outputs = comparer.result()
    rows = [SettingResult(CPU32, RowState.COMPARED, judge(CONSISTENCY, outputs).verdict, outputs=outputs)]
    cause = find_cause(rows)
    assert cause.kind is CauseKind.UNKNOWN
    assert "has no position in y that is finite on both sides" in told(rows)


def other_shape(setting: Setting) -> SettingResult:
    comparer = Comparer(class_outputs=())
    comparer.add("a", {"y": np.ones((2, 3, 1))}, {"y": np.ones((2, 3, 0))})
    judgement = judge(CONSISTENCY, comparer.result(), (), comparer.problems, (), comparer.unlike)
    return SettingResult(
        setting, RowState.COMPARED, judgement.verdict, outputs=comparer.result(), unlike=comparer.unlike
    )


@pytest.mark.parametrize("beside", [[], [row(CPU16, 1e-3)], [row(LITERT, 1e-7)], [row(CPU16, 1e-7)]])
def test_another_shape_is_the_conversion_s_doing(beside: list[SettingResult]) -> None:
    rows = [other_shape(CPU32), *beside]
    assert rows[0].verdict is Verdict.FAIL
    cause = find_cause(rows)
    assert cause.kind is CauseKind.CONVERTER
    assert "y: the shapes differ: source (2, 3, 1), artifact (2, 3, 0)" in told(rows)
    assert explicable(rows) is rows[0]


def test_of_many_outputs_of_another_shape_three_are_told() -> None:
    many = replace(other_shape(CPU32), unlike=tuple(f"{name} is missing" for name in "abcd"))
    again = replace(other_shape(ALL32), unlike=many.unlike)
    sentence = told([many, again])
    assert "(fp32/CPU_ONLY, fp32/ALL): a is missing; b is missing; c is missing." in sentence


@pytest.mark.parametrize(("reasons", "words"), [((), "(fail)"), (("one",), "(fail: one)"), (("a", "b"), "(fail: a)")])
def test_the_first_reason_of_a_row_that_fails_is_told(reasons: tuple[str, ...], words: str) -> None:
    failing = replace(exact(CPU32, 0.0), reasons=reasons)
    assert f"and yet not all pass: fp32/CPU_ONLY {words}." in told([failing])


def test_a_witness_of_another_shape_shows_nothing() -> None:
    assert find_cause([row(CPU32, 1e-2), other_shape(LITERT)]).kind is CauseKind.UNKNOWN
    in_part = replace(row(LITERT, 1e-7), unlike=("z: the artifact has no such output",))
    assert find_cause([row(CPU32, 1e-2), in_part]).kind is CauseKind.UNKNOWN


def unknown(setting: Setting, *, empty: bool) -> SettingResult:
    """Return a row without any difference, of which a part was not compared."""
    comparer = Comparer(class_outputs=())
    both = {"y": np.zeros(0)} if empty else {"y": np.ones(2), "z": np.array([1j])}
    comparer.add("a", both, both)
    judgement = judge(CONSISTENCY, comparer.result(), (), comparer.problems)
    return SettingResult(
        setting, RowState.COMPARED, judgement.verdict, reasons=judgement.reasons, outputs=comparer.result()
    )


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("beside", [[], [row(CPU16, 1e-7)], [row(CPU16, 1e-2)], [row(LITERT, 1e-7)]])
def test_what_was_not_compared_is_no_agreement(empty: bool, beside: list[SettingResult]) -> None:
    rows = [unknown(CPU32, empty=empty), *beside]
    assert rows[0].verdict is Verdict.UNKNOWN
    cause = find_cause(rows)
    assert cause.kind is CauseKind.UNKNOWN
    assert "agree" not in told(rows).replace("agree (", "")


def test_settings_agree_where_all_was_compared() -> None:
    for fp32, words in (
        (row(CPU32, 5e-5), "The fp32 settings of Core ML agree ("),
        (unknown(CPU32, empty=False), "The fp32 settings of Core ML show no difference where they could be compared ("),
    ):
        assert words in told([fp32, row(CPU16, 1.5e-4)])


def test_a_witness_that_was_not_compared_in_full_shows_nothing() -> None:
    assert find_cause([row(CPU32, 1e-2), unknown(LITERT, empty=False)]).kind is CauseKind.UNKNOWN


@pytest.mark.parametrize(
    ("rows", "kinds"),
    [
        # What agrees has none; what fails, or differs by more than rounding, has its own target's cause.
        ([(CPU32, 1e-7), (CPU16, 1e-3)], ["", "precision"]),
        ([(CPU32, 1e-2), (LITERT, 1e-7)], ["converter", ""]),
        ([(CPU32, 1e-7), (CPU16, 1e-3), (LITERT, 1e-2)], ["", "precision", "converter"]),
        ([(CPU32, 1e-7), (AI32, 1e-7), (AI16, 1e-2)], ["", "", "precision"]),
        ([(CPU32, 1e-2), (AI32, 1e-2)], ["unknown", "unknown"]),
        # Two faults at once: fp16 adds much to what is wrong in fp32 already.
        ([(CPU32, 1e-3), (CPU16, 1e-1), (LITERT, 1e-7)], ["converter", "precision converter", ""]),
        ([(CPU32, 1e-2), (CPU16, 1e-2), (LITERT, 1e-7)], ["converter", "converter", ""]),
    ],
)
def test_each_row_has_its_causes(rows: list[tuple[Setting, float]], kinds: list[str]) -> None:
    found = find_causes([row(setting, difference) for setting, difference in rows])
    assert [" ".join(cause.kind for cause in causes) for causes in found.by_row] == kinds
    assert found.summary.kind == next(kind for kind in kinds if kind).split()[-1]


def test_a_row_that_passes_in_spite_of_its_units_has_the_precision_s_cause() -> None:
    rows = [exact(CPU32, 0.0, Verdict.PASS), exact(CPU16, 0.5, Verdict.PASS), exact(ALL16, 1.0)]
    found = find_causes(rows, NOISE, [rung(0.25, Verdict.PASS)])
    assert [[cause.kind for cause in causes] for causes in found.by_row] == [
        [],
        [CauseKind.PRECISION],
        [CauseKind.COMPUTE_UNIT],
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([CPU32, ALL32, CPU16, ALL16, LITERT, AI32, AI16]),
            st.sampled_from([0.0, 1e-7, 1e-5, 1e-3, 0.1, math.nan]),
        ),
        max_size=6,
        unique_by=lambda pair: str(pair[0]),
    )
)
def test_every_row_that_fails_has_a_cause(pairs: list[tuple[Setting, float]]) -> None:
    rows = [row(setting, difference) for setting, difference in pairs]
    found = find_causes(rows)
    for result, causes in zip(rows, found.by_row, strict=True):
        assert causes or result.verdict is not Verdict.FAIL
        assert all(cause_text(cause, rows) for cause in causes)
    assert cause_text(found.summary, rows)


def test_a_network_is_told_as_one_file() -> None:
    rows = [exact(NET_CPU, 0.0, Verdict.PASS), exact(NET_GPU, 0.5), exact(NET_ALL, 1.0)]
    assert told(rows) == (
        "One file: it agrees with the source on the CPU (neuralnetwork/CPU_ONLY differs by at most 0.0 on scale 1) and"
        " is off on other units (neuralnetwork/CPU_AND_GPU differs by at most 0.5 on scale 1; neuralnetwork/ALL differs"
        " by at most 1 on scale 1), because a neural network declares no types: the CPU computes it in fp32, GPU and"
        " Neural Engine in fp16."
    )


def test_a_network_and_ml_programs_beside_it_have_causes_of_their_own() -> None:
    rows = [
        *(exact(NET_CPU, 0.0, Verdict.PASS), exact(NET_GPU, 0.0, Verdict.PASS), exact(NET_ALL, 1.0)),
        *(exact(CPU32, 0.0, Verdict.PASS), exact(CPU16, 0.5)),
    ]
    found = find_causes(rows, NOISE, [rung(0.5, Verdict.FAIL)])
    kinds = [[cause.kind for cause in causes] for causes in found.by_row]
    assert kinds == [[], [], [CauseKind.COMPUTE_UNIT], [], [CauseKind.PRECISION]]
    texts = [cause_text(causes[0], rows, [rung(0.5, Verdict.FAIL)]) for causes in found.by_row if causes]
    assert "fp16/CPU_ONLY" not in texts[0]
    assert "neuralnetwork" not in texts[1]


def test_units_that_agree_are_not_named_among_those_that_are_off() -> None:
    assert "CPU_AND_GPU" not in told([row(NET_CPU, 1e-7), row(NET_GPU, 1e-7), row(NET_ALL, 1e-2)])


def test_a_network_without_its_cpu_row_is_not_explained() -> None:
    assert "no fp32 setting of Core ML was compared" in told([exact(NET_ALL, 1.0)])


def test_a_network_that_is_wrong_on_the_cpu_too_has_two_causes_elsewhere() -> None:
    rows = [exact(NET_CPU, 0.1), exact(NET_ALL, 1.0), exact(LITERT, 0.0, Verdict.PASS)]
    found = find_causes(rows, NOISE)
    assert [cause.kind for cause in found.by_row[0]] == [CauseKind.CONVERTER]
    assert [cause.kind for cause in found.by_row[1]] == [CauseKind.COMPUTE_UNIT, CauseKind.CONVERTER]


@pytest.mark.parametrize(
    ("plain", "small", "kinds"),
    [
        (1e-4, 1e-2, [CauseKind.COMPRESSION]),
        (1e-4, 1e-4, [CauseKind.PRECISION]),  # what it adds is not clear
        (1e-7, 1e-7, []),
        (1e-4, math.nan, [CauseKind.COMPRESSION]),
    ],
)
def test_a_compressed_row_has_the_compression_or_the_cause_of_the_plain_one(
    plain: float, small: float, kinds: list[CauseKind]
) -> None:
    found = find_causes([row(CPU32, 1e-7), row(CPU16, plain), row(PALETTES16, small)])
    assert [cause.kind for cause in found.by_row[2]] == kinds


def test_the_ideal_run_of_a_compressed_artifact_says_nothing_of_the_plain_one() -> None:
    rows = [exact(CPU32, 0.0, Verdict.PASS), replace(exact(CPU16, 1.0), artifact="plain.mlpackage")]
    small = replace(exact(PALETTES16, 1.0), artifact="small.mlpackage")
    ideal = [replace(rung(BOUND, Verdict.PASS), artifact=name) for name in ("plain.mlpackage",)]
    off = replace(rung(1.0, Verdict.FAIL), artifact="small.mlpackage")
    assert find_cause([*rows, small], NOISE, [*ideal, off]).kind is CauseKind.COMPUTE_UNIT


def test_kernels_that_differ_from_the_reference_are_the_runtime() -> None:
    plain = replace(LITERT, compute_unit=Kernels.REFERENCE)
    found = find_causes([row(LITERT, 1e-2), row(plain, 1e-7), row(CPU32, 1e-7)])
    assert [[cause.kind for cause in causes] for causes in found.by_row] == [[CauseKind.RUNTIME], [], []]
    both = find_causes([row(LITERT, 1e-2), row(plain, 1e-2), row(CPU32, 1e-7)])
    assert [cause.kind for cause in both.by_row[0]] == [CauseKind.CONVERTER]


def on_gpu(difference: float) -> SettingResult:
    """Return an emulated row in fp32 on a GPU; of its one variant only the name matters here."""
    run = VariantFigures("tf32", ("tf32",), "none", ("M5",), Confidence.ASSUMED, Verdict.PASS, {})
    envelope, _ = envelope_of([run], [()])
    return replace(row(ALL32, difference), provenance=Provenance.EMULATED, envelope=envelope)


@pytest.mark.parametrize("others", [[], [CPU16]])
def test_what_a_gpu_may_do_in_fp32_is_no_fault_of_the_conversion(others: list[Setting]) -> None:
    rows = [row(CPU32, 1e-8), on_gpu(1e-2), *(row(setting, 1e-8) for setting in others), row(LITERT, 1e-8)]
    causes = find_causes(rows)
    assert (causes.summary.kind, [found.kind for found in causes.by_row[1]]) == (
        CauseKind.COMPUTE_UNIT,
        [CauseKind.COMPUTE_UNIT],
    )
    assert causes.by_row[0] == ()
    assert "fp32/ALL" in cause_text(causes.summary, rows, ())
    assert explicable(rows) is None


def test_a_fault_of_the_conversion_stays_one_beside_a_gpu() -> None:
    rows = [row(CPU32, 1e-2), on_gpu(1e-2), row(LITERT, 1e-8)]
    assert find_cause(rows).kind is CauseKind.CONVERTER
    further = [row(CPU32, 1e-2), on_gpu(0.5), row(LITERT, 1e-8)]
    assert find_cause(further).kind is CauseKind.CONVERTER
    assert [cause.kind for cause in find_causes(further).by_row[1]] == [CauseKind.COMPUTE_UNIT, CauseKind.CONVERTER]


def test_a_gpu_that_agrees_is_among_all_that_agree() -> None:
    assert find_cause([row(CPU32, 1e-8), on_gpu(1e-8)]).kind is CauseKind.NONE
    assert find_cause([on_gpu(1e-8)]).kind is CauseKind.NONE

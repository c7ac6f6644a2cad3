"""Which passing setting is recommended, and what the sentence owns up to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlparity.compare.policies import CONSISTENCY, TASK
from mlparity.compare.recommend import recommend
from mlparity.core.words import ComputeUnit, Confidence, Precision, Provenance, Setting, Verdict
from mlparity.record.decision import Speed
from mlparity.record.figures import Envelope, Flips, Histogram, OutputFigures, VariantFigures
from mlparity.record.rows import RowState, SettingResult
from tests.report.decided import recommended


def row(name: str, verdict: Verdict = Verdict.PASS, provenance: Provenance = Provenance.COMPUTED) -> SettingResult:
    first, second = name.split("/")
    witness = first in ("litert", "coreai")
    setting = Setting(first, Precision(second)) if witness else Setting("coreml", Precision(first), ComputeUnit(second))
    return SettingResult(setting, RowState.COMPARED, verdict, provenance)


def emulated(name: str) -> SettingResult:
    member = VariantFigures("variant", ("ne-m4",), "none", ("M4",), Confidence.MEASURED, Verdict.PASS, {})
    envelope = Envelope("variant", Confidence.MEASURED, ("M4",), (member,), {})
    return replace(row(name), provenance=Provenance.EMULATED, envelope=envelope)


def rank(place: int) -> Speed:
    return Speed(place, Provenance.ESTIMATED, "a roofline")


MEASURED = row("fp16/ALL", provenance=Provenance.MEASURED)


def test_the_processor_whose_arithmetic_is_known_comes_first() -> None:
    rows = [row("fp16/ALL"), row("fp16/CPU_ONLY"), row("fp32/ALL"), row("fp32/CPU_ONLY")]
    advice = recommend(rows)
    assert str(advice.setting) == "fp32/CPU_ONLY"
    assert "it runs on the CPU alone" in recommended(rows, CONSISTENCY)
    assert "fp16/ALL, fp32/ALL may be faster" in recommended(rows, CONSISTENCY)
    assert "measure on a device" in recommended(rows, CONSISTENCY)


def test_failing_settings_are_named() -> None:
    text = recommended([row("fp32/CPU_ONLY"), row("fp16/ALL", Verdict.FAIL)])
    assert "Failing: fp16/ALL." in text
    assert "faster" not in text


def test_fp16_on_the_cpu_is_next() -> None:
    rows = [row("fp32/CPU_ONLY", Verdict.FAIL), row("fp32/CPU_AND_GPU"), row("fp16/CPU_ONLY")]
    assert str(recommend(rows).setting) == "fp16/CPU_ONLY"


def test_a_setting_that_depends_on_a_device_says_so() -> None:
    advice = recommend([row("fp16/CPU_AND_NE")])
    assert str(advice.setting) == "fp16/CPU_AND_NE"
    assert "not shown until a device measures it" in recommended([row("fp16/CPU_AND_NE")], CONSISTENCY)


def test_a_measured_setting_outranks_a_computed_one() -> None:
    rows = [row("fp32/CPU_ONLY"), row("fp16/CPU_AND_NE", provenance=Provenance.MEASURED)]
    advice = recommend(rows)
    assert str(advice.setting) == "fp16/CPU_AND_NE"
    assert "(measured)" in recommended(rows, CONSISTENCY)
    assert "device" not in recommended(rows, CONSISTENCY)


def test_a_stated_preference_is_followed() -> None:
    rows = [row("fp32/CPU_ONLY"), row("fp16/CPU_ONLY"), row("fp16/ALL")]
    assert str(recommend(rows, ("fp16/ALL",)).setting) == "fp16/ALL"


def test_a_witness_is_not_recommended() -> None:
    advice = recommend([row("fp32/CPU_ONLY", Verdict.FAIL), replace(row("litert/fp32"), is_witness=True)])
    assert advice.setting is None
    assert "No compared setting of Core ML passes the policy 'consistency'" in recommended(
        [row("fp32/CPU_ONLY", Verdict.FAIL), replace(row("litert/fp32"), is_witness=True)], CONSISTENCY
    )


@pytest.mark.parametrize(
    ("flipped", "said"), [(0, "they change no top class."), (2, "they change up to 2 of 3 top classes.")]
)
def test_how_many_top_classes_change_is_told_where_nothing_passes(flipped: int, said: str) -> None:
    flips = Flips(flipped, 3, 0.0, 1.0, 0.1)
    output = OutputFigures("logits", 1000, 2.0, {"max_abs": 1.0}, Histogram((), (), 0, 0), flips=flips)
    failing = replace(row("fp32/CPU_ONLY", Verdict.FAIL), outputs=(output,))
    assert recommended([failing], TASK).endswith(said)


def test_another_target_alone_can_be_recommended() -> None:
    assert str(recommend([row("litert/fp32", provenance=Provenance.MEASURED)]).setting) == "litert/fp32"


def test_nothing_compared_recommends_nothing() -> None:
    assert recommended([]) == "No setting can be recommended: none was compared."


@pytest.mark.parametrize(
    ("rows", "prefer", "speeds", "wanted"),
    [
        # Measured before computed, whatever is preferred or faster.
        ([row("fp32/CPU_ONLY"), MEASURED], ("fp32/CPU_ONLY",), {}, "fp16/ALL"),
        # What is preferred before what is shown or faster; the first of two before the second.
        ([row("fp32/CPU_ONLY"), row("fp16/ALL")], ("fp16/ALL",), {"fp32/CPU_ONLY": 1, "fp16/ALL": 2}, "fp16/ALL"),
        ([row("fp32/CPU_ONLY"), row("fp16/ALL")], ("fp16/ALL", "fp32/CPU_ONLY"), {}, "fp16/ALL"),
        ([row("fp32/CPU_ONLY"), row("fp16/ALL")], ("fp16/CPU_AND_GPU", "fp16/ALL"), {}, "fp16/ALL"),
        # What is shown before what is faster.
        ([row("fp32/CPU_ONLY"), row("fp16/ALL")], (), {"fp32/CPU_ONLY": 2, "fp16/ALL": 1}, "fp32/CPU_ONLY"),
        # Of those that are shown the fastest; without all speeds the order of what depends least on a device.
        ([row("fp32/CPU_ONLY"), row("fp16/CPU_ONLY")], (), {"fp32/CPU_ONLY": 2, "fp16/CPU_ONLY": 1}, "fp16/CPU_ONLY"),
        ([row("fp32/CPU_ONLY"), row("fp16/CPU_ONLY")], (), {"fp16/CPU_ONLY": 1}, "fp32/CPU_ONLY"),
        ([row("fp16/CPU_AND_NE"), row("fp32/CPU_AND_GPU")], (), {}, "fp32/CPU_AND_GPU"),
        ([row("fp16/ALL"), row("fp32/ALL"), row("fp16/CPU_AND_NE")], (), {}, "fp16/CPU_AND_NE"),
        # A setting that the order does not know comes last.
        ([row("coreai/fp16"), row("coreai/fp32")], (), {}, "coreai/fp16"),
    ],
)
def test_the_order(rows: list[SettingResult], prefer: tuple[str, ...], speeds: dict[str, int], wanted: str) -> None:
    known = {each.setting: rank(speeds[str(each.setting)]) for each in rows if str(each.setting) in speeds}
    assert str(recommend(rows, prefer, known).setting) == wanted


def test_a_row_that_was_not_compared_does_not_pass() -> None:
    explained = replace(row("fp32/CPU_ONLY"), state=RowState.NOT_APPLICABLE)
    advice = recommend([explained])
    assert advice.setting is None
    assert recommended([explained], CONSISTENCY) == "No setting can be recommended: none was compared."


@pytest.mark.parametrize(
    ("name", "provenance", "leans"),
    [
        ("fp32/CPU_ONLY", Provenance.COMPUTED, False),
        ("fp16/ALL", Provenance.COMPUTED, True),
        ("fp16/ALL", Provenance.MEASURED, False),
        ("litert/fp32", Provenance.COMPUTED, False),
    ],
)
def test_what_depends_on_a_device(name: str, provenance: Provenance, leans: bool) -> None:
    assert row(name, provenance=provenance).depends_on_unshown is leans
    assert emulated("fp16/ALL").depends_on_unshown is False


@pytest.mark.parametrize(
    ("best", "words"),
    [
        (row("fp32/CPU_ONLY"), "(computed); it runs on the CPU alone, whose arithmetic is known best."),
        (row("fp32/CPU_ONLY", provenance=Provenance.MEASURED), "(measured)."),
        (row("litert/fp32"), "(computed)."),
        (row("fp16/ALL"), "(computed), but the arithmetic of its processors is not shown until a device measures it."),
        (emulated("fp16/ALL"), "in every variant of its processors that was run; a device can still show another."),
        (emulated("fp32/CPU_ONLY"), "(emulated); it runs on the CPU alone, whose arithmetic is known best."),
        (emulated("fp16/CPU_ONLY"), "(emulated) in every variant of the CPU that was run."),
        (replace(row("fp32/CPU_ONLY"), provenance=None), "'consistency'; it runs on the CPU alone"),
    ],
)
def test_the_sentence_says_on_what_the_setting_depends(best: SettingResult, words: str) -> None:
    assert words in recommended([best], CONSISTENCY)


def test_what_passes_in_arithmetic_that_is_computed_is_named_beside_an_emulated_choice() -> None:
    speeds = {each.setting: rank(place) for place, each in enumerate((emulated("fp16/CPU_ONLY"), row("fp32/CPU_ONLY")))}
    sentence = recommended([row("fp32/CPU_ONLY"), emulated("fp16/CPU_ONLY")], CONSISTENCY, (), speeds)
    assert sentence.startswith("Ship fp16/CPU_ONLY: ")
    assert "fp32/CPU_ONLY passes too (computed), and depends least on a device." in sentence
    rows = [row("fp32/CPU_ONLY"), row("fp16/CPU_ONLY")]
    assert "passes too" not in recommended(rows, CONSISTENCY, ("fp16/CPU_ONLY",))


@pytest.mark.parametrize(
    ("others", "ranks", "words"),
    [
        ([row("fp16/ALL")], {}, "fp16/ALL may be faster and passes in reference arithmetic"),
        ([row("fp16/ALL"), row("fp32/ALL")], {}, "fp16/ALL, fp32/ALL may be faster and pass in reference arithmetic"),
        ([emulated("fp16/ALL")], {}, "fp16/ALL may be faster and passes in every plausible arithmetic"),
        # As fast, or faster, is still worth a measurement; slower is not.
        ([row("fp16/ALL")], {"fp32/CPU_ONLY": 1, "fp16/ALL": 1}, "may be faster"),
        ([row("fp16/ALL")], {"fp32/CPU_ONLY": 1, "fp16/ALL": 2}, ""),
        ([row("fp16/ALL")], {"fp32/CPU_ONLY": 1}, "may be faster"),
        ([row("fp16/ALL")], {"fp16/ALL": 2}, "may be faster"),
        ([row("fp16/CPU_ONLY")], {}, ""),
    ],
)
def test_which_others_may_be_faster(others: list[SettingResult], ranks: dict[str, int], words: str) -> None:
    rows = [row("fp32/CPU_ONLY"), *others]
    known = {each.setting: rank(ranks[str(each.setting)]) for each in rows if str(each.setting) in ranks}
    sentence = recommended(rows, CONSISTENCY, ("fp32/CPU_ONLY",), known)
    assert words in sentence
    assert ("may be faster" in sentence) is bool(words)


@pytest.mark.parametrize(
    ("rows", "wanted", "words"),
    [
        ([row("fp16/CPU_ONLY"), row("fp32/CPU_ONLY"), row("fp16/ALL")], "fp32/CPU_ONLY", "Ship fp32/CPU_ONLY"),
        ([row("fp16/CPU_ONLY")], None, "which was not compared"),
        ([row("fp16/CPU_ONLY"), row("fp32/CPU_ONLY", Verdict.FAIL)], None, "which has fail"),
        ([row("fp16/CPU_ONLY"), row("fp32/CPU_ONLY", Verdict.UNKNOWN)], None, "which has unknown"),
        ([replace(row("fp32/CPU_ONLY"), state=RowState.FAILED)], None, "which was not compared"),
    ],
)
def test_consistency_first(rows: list[SettingResult], wanted: str | None, words: str) -> None:
    advice = recommend(rows, consistency_first=True)
    assert (None if advice.setting is None else str(advice.setting)) == wanted
    assert words in recommended(rows, CONSISTENCY, consistency_first=True)

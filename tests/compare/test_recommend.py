"""Which passing setting is recommended, and what the sentence owns up to."""

from __future__ import annotations

from mlparity.compare.policies import CONSISTENCY
from mlparity.compare.recommend import recommend
from mlparity.core.record import RowState, SettingResult
from mlparity.core.words import ComputeUnit, Precision, Setting, Standing, Target, Verdict


def row(name: str, verdict: Verdict = Verdict.PASS, standing: Standing = Standing.COMPUTED) -> SettingResult:
    first, second = name.split("/")
    target = Target.LITERT if first == "litert" else Target.COREML
    setting = (
        Setting(target, Precision(second))
        if target is Target.LITERT
        else Setting(target, Precision(first), ComputeUnit(second))
    )
    return SettingResult(setting, RowState.COMPARED, verdict, standing)


def test_the_processor_whose_arithmetic_is_known_comes_first() -> None:
    rows = [row("fp16/ALL"), row("fp16/CPU_ONLY"), row("fp32/ALL"), row("fp32/CPU_ONLY")]
    advice = recommend(rows, CONSISTENCY)
    assert str(advice.setting) == "fp32/CPU_ONLY"
    assert "leans least" in advice.sentence
    assert "fp16/ALL, fp32/ALL may be faster" in advice.sentence
    assert "measure on a device" in advice.sentence


def test_failing_settings_are_named() -> None:
    advice = recommend([row("fp32/CPU_ONLY"), row("fp16/ALL", Verdict.FAIL)], CONSISTENCY)
    assert "Failing: fp16/ALL." in advice.sentence
    assert "faster" not in advice.sentence


def test_fp16_on_the_cpu_is_next() -> None:
    rows = [row("fp32/CPU_ONLY", Verdict.FAIL), row("fp32/CPU_AND_GPU"), row("fp16/CPU_ONLY")]
    assert str(recommend(rows, CONSISTENCY).setting) == "fp16/CPU_ONLY"


def test_a_setting_that_leans_on_a_device_says_so() -> None:
    advice = recommend([row("fp16/CPU_AND_NE")], CONSISTENCY)
    assert str(advice.setting) == "fp16/CPU_AND_NE"
    assert "not shown until a device measures it" in advice.sentence


def test_a_measured_setting_outranks_a_computed_one() -> None:
    rows = [row("fp32/CPU_ONLY"), row("fp16/CPU_AND_NE", standing=Standing.MEASURED)]
    advice = recommend(rows, CONSISTENCY)
    assert str(advice.setting) == "fp16/CPU_AND_NE"
    assert "(measured)" in advice.sentence
    assert "device" not in advice.sentence


def test_a_stated_preference_is_followed() -> None:
    rows = [row("fp32/CPU_ONLY"), row("fp16/CPU_ONLY"), row("fp16/ALL")]
    assert str(recommend(rows, CONSISTENCY, ("fp16/ALL",)).setting) == "fp16/ALL"


def test_a_witness_is_not_recommended_in_place_of_core_ml() -> None:
    advice = recommend([row("fp32/CPU_ONLY", Verdict.FAIL), row("litert/fp32")], CONSISTENCY)
    assert advice.setting is None
    assert "No compared setting passes the policy 'consistency'" in advice.sentence


def test_another_target_alone_can_be_recommended() -> None:
    assert str(recommend([row("litert/fp32", standing=Standing.MEASURED)], CONSISTENCY).setting) == "litert/fp32"


def test_nothing_compared_recommends_nothing() -> None:
    assert recommend([], CONSISTENCY).sentence == "No setting can be recommended: none was compared."

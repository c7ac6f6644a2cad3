"""Grades, ranks, the fastest acceptable setting, and the paragraph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.decide import decide, grade_of, ranks
from mlparity.compare.latency import latency_of
from mlparity.compare.policies import CONSISTENCY, TASK
from mlparity.compare.recommend import recommend
from mlparity.compare.verdict import judge
from mlparity.core.words import ComputeUnit, Confidence, Grade, Precision, Provenance, Setting, Verdict
from mlparity.record.decision import Decision, Latency, Speed
from mlparity.record.figures import Envelope, VariantFigures
from mlparity.record.policy import Limit, OutputTask, Policy, TaskKind
from mlparity.record.rows import RowState, SettingResult
from tests.report.decided import SAMPLES, paragraph, recommended

FREE = Policy("free", (Limit("max_abs", at_most=1e9),))
ALL16 = Setting("coreml", Precision.FP16, ComputeUnit.ALL)
CPU32, CPU16, NE16 = (
    Setting("coreml", precision, unit)
    for precision, unit in (
        (Precision.FP32, ComputeUnit.CPU_ONLY),
        (Precision.FP16, ComputeUnit.CPU_ONLY),
        (Precision.FP16, ComputeUnit.CPU_AND_NE),
    )
)


def row(setting: Setting, difference: float, provenance: Provenance, policy: Policy = TASK) -> SettingResult:
    comparer = Comparer()
    source = np.array([[20.0, 1.0]])
    comparer.add("a", {"y": source}, {"y": source + np.array([[difference, 0.0]])})
    outputs = comparer.result()
    verdict = judge(policy, outputs).verdict
    envelope = _envelope(verdict) if provenance is Provenance.EMULATED else None
    return SettingResult(setting, RowState.COMPARED, verdict, provenance, outputs=outputs, envelope=envelope)


def _envelope(verdict: Verdict) -> Envelope:
    """An envelope of one variant: what an emulated row has to carry."""
    member = VariantFigures("ne", ("ne-m4",), "all eligible", ("M4",), Confidence.MEASURED, verdict, {})
    return Envelope("ne", Confidence.MEASURED, ("M4",), (member,), {})


def estimated(**places: int) -> dict[Setting, Speed]:
    names = {"cpu32": CPU32, "cpu16": CPU16, "ne16": NE16}
    return {names[name]: Speed(place, Provenance.ESTIMATED, "a roofline") for name, place in places.items()}


def decision(rows: list[SettingResult], speeds: dict[Setting, Speed], *, consistency_first: bool = False) -> Decision:
    return decide(rows, (), speeds, consistency_first=consistency_first)


def words_of(rows: list[SettingResult], speeds: dict[Setting, Speed], *, consistency_first: bool = False) -> str:
    return paragraph(rows, TASK, speeds=speeds, consistency_first=consistency_first)


@pytest.mark.parametrize(
    ("difference", "policy", "grade"),
    [
        (1e-4, TASK, Grade.CONSISTENT),
        (0.5, TASK, Grade.ACCEPTABLE),
        (0.5, CONSISTENCY, Grade.NOT),
        (1e-4, CONSISTENCY, Grade.CONSISTENT),
        (2.0, TASK, Grade.NOT),
        (1e-4, Policy("none", ()), Grade.UNKNOWN),
    ],
)
def test_grades(difference: float, policy: Policy, grade: Grade) -> None:
    assert grade_of(row(CPU16, difference, Provenance.COMPUTED, policy), ()) is grade


def test_the_fastest_acceptable_setting_is_shipped() -> None:
    rows = [row(CPU32, 1e-4, Provenance.COMPUTED), row(NE16, 0.5, Provenance.EMULATED)]
    made = decision(rows, estimated(cpu32=2, ne16=1))
    assert made.fastest == NE16
    text = words_of(rows, estimated(cpu32=2, ne16=1))
    assert "Consistent: fp32/CPU_ONLY. Acceptable: fp16/CPU_AND_NE." in text
    assert "fp16/CPU_AND_NE, rank 1 of 2, estimated by a roofline, not timed." in words_of(
        rows, estimated(cpu32=2, ne16=1)
    )
    assert "Ship fp16/CPU_AND_NE" in text
    assert " ms" not in text, "an estimate gives no time"


def test_what_fails_or_is_not_shown_is_not_the_fastest() -> None:
    rows = [
        row(CPU32, 1e-4, Provenance.COMPUTED),
        row(CPU16, 2.0, Provenance.COMPUTED),
        row(NE16, 0.5, Provenance.COMPUTED),
    ]
    made = decision(rows, estimated(cpu32=3, cpu16=2, ne16=1))
    assert made.fastest == CPU32
    assert "Ship fp32/CPU_ONLY" in words_of(rows, estimated(cpu32=3, cpu16=2, ne16=1))
    assert "Not acceptable: fp16/CPU_ONLY." in words_of(rows, estimated(cpu32=3, cpu16=2, ne16=1))
    assert "fp16/CPU_AND_NE may be faster" in words_of(rows, estimated(cpu32=3, cpu16=2, ne16=1))


def test_consistency_first_takes_fp32_on_the_cpu_or_nothing() -> None:
    rows = [row(CPU32, 1e-4, Provenance.COMPUTED), row(NE16, 0.5, Provenance.EMULATED)]
    speeds = estimated(cpu32=2, ne16=1)
    advice = recommend(rows, speeds=speeds, consistency_first=True)
    assert advice.setting == CPU32
    assert "Consistency was asked for before speed." in words_of(rows, speeds, consistency_first=True)
    failing = [row(CPU32, 2.0, Provenance.COMPUTED), rows[1]]
    advice = recommend(failing, speeds=speeds, consistency_first=True)
    assert advice.setting is None
    assert "which has fail" in recommended(failing, TASK, speeds=speeds, consistency_first=True)
    assert "was not compared" in recommended(rows[1:], TASK, consistency_first=True)


def test_a_measured_speed_has_its_time() -> None:
    speeds = {CPU32: Speed(1, Provenance.MEASURED, "Core ML on macOS 15.6", Latency(2.0, 1.9, 2.25, 30))}
    text = words_of([row(CPU32, 1e-4, Provenance.MEASURED)], speeds)
    assert "2 ms (1.9 to 2.2, 30 predictions, measured on Core ML on macOS 15.6)" in text


def test_without_speeds_nothing_is_the_fastest() -> None:
    made = decision([row(CPU32, 1e-4, Provenance.COMPUTED)], {})
    assert made.fastest is None
    assert "Fastest" not in words_of([row(CPU32, 1e-4, Provenance.COMPUTED)], {})


def test_the_paragraph_says_what_could_not_flip() -> None:
    text = words_of([row(CPU32, 1e-4, Provenance.COMPUTED)], {})
    assert "y 1.0e-04 on scale 20, 0 of 1 top classes changed and none could by changes of this size." in text
    assert "\n" not in text


def test_nothing_compared() -> None:
    made = decide([], (), {})
    assert (made.candidates, made.consistency_first) == ((), False)
    assert "none was compared" in paragraph([])


def test_ranks_share_places() -> None:
    assert ranks({CPU32: 2.0, CPU16: 1.0, NE16: 1.0005}) == {CPU32: 2, CPU16: 1, NE16: 1}
    assert ranks({}) == {}


def test_latency_leaves_the_cold_predictions_out() -> None:
    latency = latency_of([9.0, 9.0, 9.0, 0.001, 0.002, 0.003])
    assert latency is not None
    assert (latency.median_ms, latency.runs) == (2.0, 3)
    assert latency.low_ms == 1.5
    assert latency_of([1.0, 1.0, 1.0]) is None
    one = latency_of([9.0, 9.0, 9.0, 0.25])
    assert one == Latency(250.0, 250.0, 250.0, 1)


@pytest.mark.parametrize(
    ("seconds", "places"),
    [
        # Up to a thousandth more shares the place; the place after counts the groups, not the settings.
        ({CPU32: 1.0, CPU16: 1.001, NE16: 1.0011}, {CPU32: 1, CPU16: 1, NE16: 2}),
        ({CPU32: 3.0, CPU16: 2.0, NE16: 1.0}, {CPU32: 3, CPU16: 2, NE16: 1}),
        # A group is measured from its first: a slow drift does not carry it on.
        ({CPU32: 1.0, CPU16: 1.0009, NE16: 1.0018}, {CPU32: 1, CPU16: 1, NE16: 2}),
        ({CPU32: 5.0}, {CPU32: 1}),
        # Those that share a place count once for the ones behind.
        ({CPU32: 1.0, CPU16: 1.001, NE16: 1.5}, {CPU32: 1, CPU16: 1, NE16: 2}),
        ({CPU32: 1.0, CPU16: 1.5, NE16: 1.9}, {CPU32: 1, CPU16: 2, NE16: 3}),
        ({CPU32: 1.0, CPU16: 2.0, NE16: 2.001, ALL16: 3.0}, {CPU32: 1, CPU16: 2, NE16: 2, ALL16: 3}),
    ],
)
def test_ranks(seconds: dict[Setting, float], places: dict[Setting, int]) -> None:
    assert ranks(seconds) == places


@pytest.mark.parametrize(
    ("counted", "latency"),
    [
        ([0.001, 0.005], Latency(3.0, 2.0, 4.0, 2)),
        ([0.004, 0.001, 0.002, 0.003, 0.005], Latency(3.0, 2.0, 4.0, 5)),
    ],
)
def test_latency_by_hand(counted: list[float], latency: Latency) -> None:
    assert latency_of([9.0] * 3 + counted) == latency
    assert latency_of([]) is None


@pytest.mark.parametrize(("count", "words"), [(1, "on 1 sample (2 photos)"), (2, "on 2 samples (2 photos)")])
def test_the_samples_are_counted(count: int, words: str) -> None:
    samples = replace(SAMPLES, count=count)
    assert words in paragraph([], TASK, samples=samples)


def test_a_setting_without_a_speed_is_not_the_fastest() -> None:
    rows = [row(CPU32, 1e-4, Provenance.COMPUTED), row(CPU16, 1e-4, Provenance.COMPUTED)]
    made = decision(rows, estimated(cpu16=2))
    assert made.fastest == CPU16
    assert [each.speed is None for each in made.candidates] == [True, False]
    assert decision(rows, estimated(cpu32=1, cpu16=1)).fastest == CPU32, "of equal ones the first"


def test_settings_that_were_not_compared_are_no_candidates() -> None:
    explained = SettingResult(NE16, RowState.NOT_APPLICABLE, Verdict.UNKNOWN)
    made = decision([row(CPU32, 1e-4, Provenance.COMPUTED), explained], {})
    assert [each.setting for each in made.candidates] == [CPU32]


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        # The margin is 19: a change below it could flip nothing, one above it could.
        (1e-4, "0 of 1 top classes changed and none could by changes of this size."),
        (19.5, "0 of 1 top classes changed."),
    ],
)
def test_what_is_certain_is_said_and_no_more(difference: float, words: str) -> None:
    rows = [row(CPU32, difference, Provenance.COMPUTED, FREE)]
    text = paragraph(rows, FREE)
    assert words in text


def test_decisions_at_a_threshold_and_outputs_without_any() -> None:
    comparer = Comparer(tasks=(OutputTask("y", TaskKind.THRESHOLD, threshold=0.5), OutputTask("z", TaskKind.NONE)))
    comparer.add("a", {"y": np.array([0.75]), "z": np.array([20.25])}, {"y": np.array([0.25]), "z": np.array([20.25])})
    made = SettingResult(CPU32, RowState.COMPARED, Verdict.PASS, Provenance.COMPUTED, outputs=comparer.result())
    text = paragraph([made], FREE)
    assert "y 0.5 on scale 0.75, 1 of 1 decisions changed; z 0.0 on scale 20.2." in text

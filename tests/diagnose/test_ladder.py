"""The cause that the rungs of a verification show."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.policies import CONSISTENCY
from mlparity.compare.verdict import judge
from mlparity.core.record import CauseKind, Noise, RowState, SettingResult
from mlparity.core.words import ComputeUnit, Precision, Setting, Target, Verdict
from mlparity.diagnose.ladder import find_cause, row_to_explain

CPU32 = Setting(Target.COREML, Precision.FP32, ComputeUnit.CPU_ONLY)
ALL32 = Setting(Target.COREML, Precision.FP32, ComputeUnit.ALL)
CPU16 = Setting(Target.COREML, Precision.FP16, ComputeUnit.CPU_ONLY)
LITERT = Setting(Target.LITERT, Precision.FP32)
AI32, AI16 = (Setting(Target.COREAI, precision) for precision in Precision)
SCALE = 20.0


def row(setting: Setting, difference: float) -> SettingResult:
    """Return a compared row whose one output differs by a share of its scale."""
    comparer = Comparer(class_outputs=())
    comparer.add("a", {"y": np.array([SCALE, 1.0])}, {"y": np.array([SCALE, 1.0 + difference * SCALE])})
    verdict = judge(CONSISTENCY, comparer.result()).verdict
    return SettingResult(setting, RowState.COMPARED, verdict, outputs=comparer.result())


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
        ([(CPU32, 1e-7), (LITERT, 1e-2)], CauseKind.UNKNOWN),
        ([], CauseKind.UNKNOWN),
        # Beside Core ML, Core AI's fp32 is a witness and its fp16 is not; alone it is judged as Core ML is.
        ([(CPU32, 1e-2), (AI32, 1e-7), (AI16, 1e-2)], CauseKind.CONVERTER),
        ([(CPU32, 1e-7), (CPU16, 1e-3), (AI32, 1e-7), (AI16, math.nan)], CauseKind.PRECISION),
        ([(CPU32, 1e-7), (AI32, 1e-7), (AI16, 1e-2)], CauseKind.UNKNOWN),
        ([(AI32, 1e-7), (AI16, math.nan), (LITERT, 1e-7)], CauseKind.PRECISION),
        ([(AI32, 1e-2), (LITERT, 1e-7)], CauseKind.CONVERTER),
    ],
)
def test_the_cause(rows: list[tuple[Setting, float]], kind: CauseKind) -> None:
    cause = find_cause([row(setting, difference) for setting, difference in rows])
    assert cause.kind is kind


def test_the_sentence_carries_the_numbers() -> None:
    sentence = find_cause([row(CPU32, 1e-7), row(ALL32, 1e-7), row(CPU16, 1e-3)]).sentence
    assert "fp32/CPU_ONLY, fp32/ALL differ by at most 2.0e-06 on scale 20" in sentence
    assert "fp16/CPU_ONLY differs by at most 0.02 on scale 20" in sentence


def test_noise_of_the_source_is_no_difference() -> None:
    rows = [row(CPU32, 2e-4), row(CPU16, 2e-4)]
    assert find_cause(rows, (Noise("y", 0.01, 0.001, SCALE),)).kind is CauseKind.NONE
    assert find_cause(rows, (Noise("y", 0.001, 0.001, SCALE),)).kind is CauseKind.UNKNOWN


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
        ([], None),
    ],
)
def test_the_row_to_explain(rows: list[tuple[Setting, float]], setting: Setting | None) -> None:
    settings = [row(each, difference) for each, difference in rows]
    found = row_to_explain(find_cause(settings), settings)
    assert (None if found is None else found.setting) == setting

"""The source's own noise, and when fp32 cannot have made it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlparity.compare.comparer import Comparer
from mlparity.compare.noise import noise_of, plausible_share
from mlparity.compare.policies import CONSISTENCY
from mlparity.compare.verdict import judge
from mlparity.core.words import ComputeUnit, Precision, Provenance, Setting, Verdict
from mlparity.diagnose.ladder import find_causes
from mlparity.record.causes import CauseKind
from mlparity.record.figures import OutputFigures
from mlparity.record.record import Noise
from mlparity.record.rows import RowState, SettingResult

UNIT = 2.0**-24


def compared(exact: object, rounded: object) -> tuple[OutputFigures, ...]:
    comparer = Comparer(class_outputs=())
    comparer.add("a", {"y": np.array(exact, np.float64)}, {"y": np.array(rounded, np.float32)})
    return comparer.result()


def test_noise_is_the_difference_of_the_source_with_itself() -> None:
    (noise,) = noise_of(compared([1.0, -4.0], [1.0, -4.5]), 100.0)
    assert (noise.output, noise.max_abs, noise.mean_abs, noise.scale) == ("y", 0.5, 0.25, 4.0)
    assert noise.most == pytest.approx(1000 * UNIT * 10 * 4.0)
    assert noise_of((), 100.0) == ()
    assert noise_of(compared([], []), 100.0) == ()


def test_more_than_fp32_makes_is_unknown() -> None:
    share = 1000 * UNIT * math.sqrt(9)
    for part, is_known in ((0.99, True), (1.01, False)):
        (noise,) = noise_of(compared([1.0, 0.0], [1.0, np.float32(part * share)]), 9.0)
        assert noise.is_known is is_known
        assert (plausible_share(part * share, 9.0) > 0) is is_known
    assert plausible_share(math.inf, 1e9) == 0.0
    assert Noise("y", 0.5, 0.1, 1.0).is_known, "a record of an older version says no bound"


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_a_position_that_one_run_alone_can_tell_makes_the_noise_unknown(lost: float) -> None:
    for pair in (([1.0, lost], [1.0, 0.0]), ([1.0, 0.0], [1.0, lost])):
        (noise,) = noise_of(compared(*pair), 1e9)
        assert not noise.is_known
    (agreed,) = noise_of(compared([1.0, lost], [1.0, lost]), 1e9)
    assert agreed.is_known


def row(precision: Precision, error: float, noise: tuple[Noise, ...]) -> SettingResult:
    outputs = compared([3.75, -1.0], [np.float32(3.75 + error), -1.0])
    judgement = judge(CONSISTENCY, outputs, noise)
    return SettingResult(
        Setting("coreml", precision, ComputeUnit.CPU_ONLY),
        RowState.COMPARED,
        judgement.verdict,
        Provenance.COMPUTED,
        reasons=judgement.reasons,
        outputs=outputs,
    )


def test_unknown_noise_excuses_nothing_and_makes_no_agreement() -> None:
    """A source whose two runs differ by 2.6 on scale 3.75 knows nothing: neither 4.5 times a limit, nor 3.5."""
    noise = noise_of(compared([3.75, -1.0], [1.13, -1.0]), 5.0)
    for error in (4.5 * 3.75e-4, 3.5):
        rows = [row(precision, error, noise) for precision in (Precision.FP32, Precision.FP16)]
        assert [each.verdict for each in rows] == [Verdict.FAIL, Verdict.FAIL]
        assert not any("noise" in reason for each in rows for reason in each.reasons)
        assert find_causes(rows, noise).summary.kind is CauseKind.UNKNOWN


def test_the_bound_itself_is_still_noise() -> None:
    share = 1000 * UNIT * 3
    assert plausible_share(share, 9.0) == share
    assert plausible_share(share * (1 + 2.0**-50), 9.0) == 0.0

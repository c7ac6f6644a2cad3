"""What changed between two records, and whether it got worse."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlparity.compare.changes import changes_between
from mlparity.compare.policies import TASK
from mlparity.core.errors import InputError
from mlparity.core.words import Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.changes import Change, ChangeKind, Direction
from mlparity.record.figures import OutputFigures, TaskFigure
from mlparity.record.policy import Limit, UserMetric
from mlparity.record.record import Noise, Record
from mlparity.record.rows import RowState, SettingResult
from tests.record.example import example_record

RECORD = example_record()
ROW = RECORD.settings[0]
(LOGITS,) = ROW.outputs
SUBJECT = "fp32/CPU_ONLY, logits"


def with_row(row: SettingResult, record: Record = RECORD) -> Record:
    return replace(record, settings=(row, *record.settings[1:]))


def with_figure(name: str, value: float | None) -> Record:
    output = replace(LOGITS, figures={**LOGITS.figures, name: value})
    return with_row(replace(ROW, outputs=(output,)))


def found(before: Record, after: Record) -> tuple[Change, ...]:
    return changes_between(before, after).changes


def test_equal_records_have_no_changes() -> None:
    changes = changes_between(RECORD, replace(RECORD, created="2026-01-01T00:00:00Z"))
    assert (changes.changes, changes.verdict) == ((), Verdict.PASS)


def test_a_larger_difference_is_worse_and_a_smaller_one_better() -> None:
    before, after = with_figure("max_abs", 0.1), with_figure("max_abs", 0.2)
    assert found(before, after) == (Change(ChangeKind.FIGURE, Direction.WORSE, SUBJECT, 0.1, 0.2, "max_abs"),)
    assert found(after, before) == (Change(ChangeKind.FIGURE, Direction.BETTER, SUBJECT, 0.2, 0.1, "max_abs"),)
    assert changes_between(before, after).verdict is Verdict.FAIL
    assert changes_between(after, before).verdict is Verdict.PASS


def test_an_artifact_that_was_converted_in_another_way_is_told_with_its_options() -> None:
    first, *others = RECORD.artifacts
    other = replace(first, frontend="export", options={**first.options, "fp32_ops": "linear"}, sha256="0", seconds=9.0)
    after = replace(RECORD, artifacts=(other, *others))
    assert found(RECORD, after) == (
        Change(ChangeKind.CONVERSION, Direction.NEITHER, f"{first.path}, fp32_ops", None, "linear"),
        Change(ChangeKind.CONVERSION, Direction.NEITHER, f"{first.path}, frontend", first.frontend, "export"),
    )
    upgraded = {**RECORD.environment, "coremltools": "99"}
    told = replace(RECORD, environment=upgraded, artifacts=(replace(first, options={"coremltools": "99"}), *others))
    kinds = [change.kind for change in found(replace(RECORD, artifacts=(replace(first, options={}), *others)), told)]
    assert kinds == [ChangeKind.VERSION], "a converter's version is told once"


@given(st.floats(-1.0, 1.0))
def test_what_noise_excuses_is_no_change(share: float) -> None:
    (noise,) = RECORD.noise
    slack = RECORD.policy.noise_factor * noise.max_abs
    assert found(with_figure("max_abs", 1e-3), with_figure("max_abs", 1e-3 + 0.99 * share * slack)) == ()


@pytest.mark.parametrize("noise", [(), (Noise("logits", 1e9, 1e9, 1.0, 1.0),)], ids=["none", "not known"])
def test_noise_that_is_not_known_excuses_nothing(noise: tuple[Noise, ...]) -> None:
    before, after = (replace(with_figure("max_abs", value), noise=noise) for value in (1e-3, 1.0000001e-3))
    assert [change.direction for change in found(before, after)] == [Direction.WORSE]


def test_large_noise_excuses_at_most_the_policy_s_cap() -> None:
    noise = (Noise("logits", 1e3, 1e3, LOGITS.scale),)
    cap = RECORD.policy.noise_cap * LOGITS.scale
    before, after = (replace(with_figure("max_abs", value), noise=noise) for value in (0.0, 1.01 * cap))
    assert [change.direction for change in found(before, after)] == [Direction.WORSE]


@pytest.mark.parametrize("name", ["cosine", "snr_db", "relative_l2", "margin_consumed"])
def test_ratios_of_the_differences_are_left_to_them(name: str) -> None:
    assert found(with_figure(name, 0.1), with_figure(name, 0.5)) == ()


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        (0.1, None, Direction.UNKNOWN),
        (None, 0.1, Direction.UNKNOWN),
        (0.1, float("nan"), Direction.UNKNOWN),
        (0.1, float("inf"), Direction.WORSE),
        (float("inf"), 0.1, Direction.BETTER),
    ],
)
def test_a_figure_without_a_value_is_not_known_to_be_as_good(
    before: float | None, after: float | None, direction: Direction
) -> None:
    (change,) = found(with_figure("max_abs", before), with_figure("max_abs", after))
    assert change.direction is direction


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_the_same_value_is_no_change(value: float | None) -> None:
    assert found(with_figure("max_abs", value), with_figure("max_abs", value)) == ()


@pytest.mark.parametrize("name", ["flips", "new_nan_count", "inf_count"])
def test_counts_are_worse_by_one(name: str) -> None:
    (change,) = found(with_figure(name, 0.0), with_figure(name, 1.0))
    assert (change.direction, change.name) == (Direction.WORSE, name)


def test_a_metric_that_this_version_does_not_know_is_unknown() -> None:
    (change,) = found(with_figure("of_tomorrow", 1.0), with_figure("of_tomorrow", 2.0))
    assert change.direction is Direction.UNKNOWN


def test_other_samples_give_no_direction() -> None:
    samples = replace(RECORD.samples, sha256="b" * 64)
    changes = changes_between(with_figure("max_abs", 0.2), replace(with_figure("max_abs", 0.1), samples=samples))
    assert [(change.kind, change.direction) for change in changes.changes] == [
        (ChangeKind.SAMPLES, Direction.NEITHER),
        (ChangeKind.FIGURE, Direction.UNKNOWN),
    ]
    assert changes.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        (Verdict.PASS, Verdict.FAIL, Direction.WORSE),
        (Verdict.PASS, Verdict.UNKNOWN, Direction.WORSE),
        (Verdict.UNKNOWN, Verdict.FAIL, Direction.WORSE),
        (Verdict.FAIL, Verdict.PASS, Direction.BETTER),
    ],
)
def test_verdicts_have_an_order(before: Verdict, after: Verdict, direction: Direction) -> None:
    changes = found(*(replace(RECORD, verdict=verdict) for verdict in (before, after)))
    assert changes == (Change(ChangeKind.VERDICT, direction, "all", str(before), str(after)),)
    (row,) = found(*(with_row(replace(ROW, verdict=verdict)) for verdict in (before, after)))
    assert (row.subject, row.direction) == ("fp32/CPU_ONLY", direction)


def test_verdicts_of_another_policy_have_no_direction() -> None:
    after = replace(RECORD, policy=TASK, verdict=Verdict.FAIL)
    assert [(change.kind, change.direction) for change in found(RECORD, after)] == [
        (ChangeKind.POLICY, Direction.NEITHER),
        (ChangeKind.VERDICT, Direction.UNKNOWN),
    ]
    stricter = replace(RECORD.policy, noise_factor=1.0)
    (change,) = found(RECORD, replace(RECORD, policy=stricter))
    assert (change.kind, change.after) == (ChangeKind.POLICY, "the same name, other limits")


def test_a_setting_that_is_not_compared_any_more_is_unknown() -> None:
    gone = replace(RECORD, settings=RECORD.settings[1:])
    failed = with_row(replace(ROW, state=RowState.FAILED, verdict=Verdict.UNKNOWN, outputs=()))
    for after, state in ((gone, None), (failed, "failed")):
        (change,) = found(RECORD, after)
        assert change == Change(ChangeKind.SETTING, Direction.UNKNOWN, "fp32/CPU_ONLY", "compared", state)
        assert changes_between(RECORD, after).verdict is Verdict.UNKNOWN
    (change,) = found(gone, RECORD)
    assert (change.direction, change.before, change.after) == (Direction.NEITHER, None, "compared")


def test_an_output_or_a_metric_that_is_gone_is_unknown() -> None:
    second = replace(LOGITS, output="mask")
    both = with_row(replace(ROW, outputs=(LOGITS, second)))
    (change,) = found(both, RECORD)
    assert (change.subject, change.direction) == ("fp32/CPU_ONLY, mask", Direction.UNKNOWN)
    fewer = OutputFigures("logits", 1, LOGITS.scale, {"mean_abs": LOGITS.figures["mean_abs"]}, LOGITS.histogram)
    gone = {change.name for change in found(RECORD, with_row(replace(ROW, outputs=(fewer,))))}
    assert {"max_abs", "flips"} <= gone


@pytest.mark.parametrize(
    ("limit", "direction"),
    [(Limit("lost", at_most=1.0), Direction.WORSE), (Limit("lost", at_least=0.0), Direction.BETTER)],
)
def test_a_user_s_metric_is_worse_where_its_limit_is(limit: Limit, direction: Direction) -> None:
    policy = replace(RECORD.policy, metrics=(UserMetric("lost", "m.py:lost", mean=limit),))
    before, after = (
        replace(with_row(replace(ROW, task_figures=(TaskFigure("lost", 4, 0, mean, 3.0),))), policy=policy)
        for mean in (1.0, 2.0)
    )
    (change,) = found(before, after)
    assert (change.name, change.direction) == ("lost, mean", direction)
    without = replace(with_row(ROW), policy=policy)
    assert {change.direction for change in found(after, without)} == {Direction.UNKNOWN}


def test_versions_causes_and_the_recommendation_are_named() -> None:
    after = replace(
        RECORD,
        environment={**RECORD.environment, "torch": "2.14.0"},
        source=replace(RECORD.source, sha256="0" * 64),
        cause=replace(RECORD.cause, kind=CauseKind.CONVERTER),
        recommendation=replace(RECORD.recommendation, setting=None),
    )
    changes = found(RECORD, after)
    assert [change.kind for change in changes] == [
        *(ChangeKind.VERSION, ChangeKind.SOURCE, ChangeKind.CAUSE, ChangeKind.RECOMMENDATION)
    ]
    assert {change.direction for change in changes} == {Direction.NEITHER}
    assert (changes[0].subject, changes[0].before, changes[0].after) == ("torch", "2.13.0", "2.14.0")


def test_records_of_different_models_are_refused() -> None:
    with pytest.raises(InputError, match="different models"):
        changes_between(RECORD, example_record("resnet"))
    other = with_row(replace(ROW, outputs=(replace(LOGITS, output="mask"),)))
    alone = replace(other, settings=other.settings[:1])
    with pytest.raises(InputError, match="mask"):
        changes_between(RECORD, alone)

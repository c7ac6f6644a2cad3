"""Each kind of cause of a failure says what to do, wherever a failure is told; a pass says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlparity.cli.github import annotation
from mlparity.core.words import Verdict
from mlparity.record.causes import Cause, CauseKind
from mlparity.record.record import Record
from mlparity.record.rows import RowState
from mlparity.report.decision import recommendation_text
from mlparity.report.failure import failure_text
from mlparity.report.html import html_report
from mlparity.report.markdown import markdown_report
from mlparity.report.remedies import remedies_of
from tests.record.example import example_record


def failing(kind: CauseKind) -> Record:
    record = example_record()
    rows = tuple(
        replace(row, causes=(Cause(kind, ()),)) if row.verdict is Verdict.FAIL else row for row in record.settings
    )
    return replace(record, settings=rows, cause=Cause(kind, ()))


@pytest.mark.parametrize("kind", [kind for kind in CauseKind if kind is not CauseKind.NONE])
def test_each_cause_says_what_to_do(kind: CauseKind) -> None:
    record = failing(kind)
    (remedy,) = remedies_of(record)
    assert f"what to do: {remedy}" in failure_text(record)
    assert len(failure_text(record).splitlines()) <= 15


def test_reports_show_it_and_a_pass_does_not() -> None:
    record = failing(CauseKind.TRAINING_MODE)
    assert "Call .eval() on the module" in html_report(record)
    assert "What to do" in markdown_report(record)
    passing = replace(record, settings=tuple(replace(row, verdict=Verdict.PASS) for row in record.settings))
    assert remedies_of(passing) == ()


def requiring(*names: str) -> Record:
    record = example_record()
    return replace(record, policy=replace(record.policy, required=names), verdict=Verdict.UNKNOWN)


def test_what_the_policy_requires_and_nobody_asked_for_is_named_with_its_options() -> None:
    record = requiring("fp32/CPU_ONLY", "coreai/fp16", "onnx/fp32")
    remedy, *_ = remedies_of(record)
    assert remedy == (
        f"Add --setting coreai/fp16 --setting onnx/fp32: the policy '{record.policy.name}' requires what was not among"
        " the verified settings."
    )
    assert f"what to do: {remedy}" in failure_text(record)
    assert "--setting coreai/fp16" in annotation(record)


def test_a_required_setting_that_does_not_exist_is_told_apart_from_one_that_was_not_asked_for() -> None:
    absent = [str(row.setting) for row in example_record().settings if row.state is RowState.NOT_APPLICABLE]
    remedy, *_ = remedies_of(requiring(*absent))
    assert remedy.startswith(f"Take {', '.join(absent)} out of `required`")


@pytest.mark.parametrize("required", ["any", "all"])
def test_a_policy_without_names_has_nothing_to_add(required: str) -> None:
    assert not any("required" in remedy for remedy in remedies_of(requiring(required)))


def test_no_policy_is_recommended_that_would_excuse_nan() -> None:
    record = example_record()
    rows = []
    for row in record.settings:
        outputs = tuple(replace(each, figures={**each.figures, "nan_count": 3.0}) for each in row.outputs)
        rows.append(replace(row, outputs=outputs, verdict=Verdict.FAIL))
    none = replace(record.recommendation, setting=None)
    text = recommendation_text(replace(record, settings=tuple(rows), recommendation=none))
    assert "NaN or infinite" in text
    assert "--policy" not in text

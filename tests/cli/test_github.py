"""On GitHub Actions a verdict that is no pass becomes one annotation, and the report the job's summary."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mlparity.cli.github import annotate, annotation
from mlparity.core.words import Verdict
from mlparity.report.causes import cause_sentence
from tests.record.example import example_record
from tests.report.hostile import hostile

RECORD = dataclasses.replace(example_record(), verdict=Verdict.FAIL)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.md"
    path.write_text("# the report\n")
    return path


def test_a_failure_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, report: Path
) -> None:
    summary = report.with_name("summary.md")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    annotate(RECORD, report)
    printed = capsys.readouterr().out
    assert printed.startswith("::error title=mlparity%3A mobilenet_v2%3A fail::")
    assert printed.count("\n") == 1
    assert cause_sentence(RECORD) in printed
    assert summary.read_text() == "# the report\n"


@pytest.mark.parametrize(("verdict", "on_github"), [(Verdict.PASS, "true"), (Verdict.FAIL, "false")])
def test_a_pass_and_other_places_say_nothing(
    verdict: Verdict, on_github: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, report: Path
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", on_github)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    annotate(dataclasses.replace(RECORD, verdict=verdict), report)
    assert capsys.readouterr().out == ""


def test_unknown_is_a_warning_and_hostile_texts_stay_in_their_place() -> None:
    text = annotation(dataclasses.replace(hostile(RECORD), verdict=Verdict.UNKNOWN))
    assert text.startswith("::warning title=")
    assert "\n" not in text
    assert "\r" not in text
    assert text.count("::") == 2

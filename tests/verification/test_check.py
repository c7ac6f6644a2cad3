"""An artifact that still is what was verified passes; anything else does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlparity.api import check_artifact
from mlparity.cli.app import app
from mlparity.core.errors import FormatError
from mlparity.core.words import Verdict
from mlparity.record.files import record_sha256, write_record
from mlparity.record.metadata import metadata_of
from mlparity.targets.artifacts import artifact_sha256, read_metadata, write_metadata
from mlparity.verification.check import Finding, verdict_of
from tests.record.example import example_record

RECORD = example_record()
FP32, FP16, _ = RECORD.artifacts


@pytest.fixture
def verified(package: Path) -> Path:
    artifact = replace(FP32, sha256=artifact_sha256(package))
    write_metadata(package, metadata_of(RECORD, artifact))
    return package


def test_what_was_verified_passes(verified: Path) -> None:
    findings = check_artifact(verified)
    assert verdict_of(findings) is Verdict.PASS
    assert "CPU_ONLY passed the policy 'consistency' (computed)" in findings[1].sentence


def test_a_changed_weight_fails(verified: Path) -> None:
    weights = next(verified.rglob("weight.bin"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    content, setting = check_artifact(verified)
    assert (content.verdict, setting.verdict) == (Verdict.FAIL, Verdict.PASS)


def test_a_setting_that_did_not_pass_fails(verified: Path) -> None:
    content, setting = check_artifact(verified, "CPU_AND_NE")
    assert (content.verdict, setting.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert "passed: CPU_ONLY, CPU_AND_GPU, ALL" in setting.sentence


def test_an_artifact_that_nothing_recommends_fails(package: Path) -> None:
    write_metadata(package, metadata_of(RECORD, replace(FP16, sha256=artifact_sha256(package))))
    assert verdict_of(check_artifact(package)) is Verdict.FAIL


def test_what_was_never_verified_is_unknown(package: Path) -> None:
    assert verdict_of(check_artifact(package)) is Verdict.UNKNOWN
    assert verdict_of(()) is Verdict.UNKNOWN


def test_a_record_without_a_digest_is_unknown(verified: Path) -> None:
    texts = metadata_of(RECORD, FP32)
    del texts["com.mlparity.artifact.sha256"]
    write_metadata(verified, texts)
    assert verdict_of(check_artifact(verified)) is Verdict.UNKNOWN


@pytest.fixture
def true_record(verified: Path, tmp_path: Path) -> Path:
    """The record that lists this very artifact, which has its metadata."""
    artifact = replace(FP32, sha256=artifact_sha256(verified))
    record = replace(RECORD, artifacts=(artifact, *RECORD.artifacts[1:]))
    write_metadata(verified, metadata_of(record, artifact))
    write_record(record, tmp_path / "record.json")
    return tmp_path / "record.json"


FORGED = {
    "passed.measured": "CPU_AND_NE",
    "passed.computed": "CPU_AND_NE",
    "recommended": "CPU_AND_NE",
    "policy": "task",
    "verdict": "fail",
    "figures": "{}",
    "created": "1999-01-01T00:00:00+00:00",
    "something new": "x",
}


@pytest.mark.parametrize("name", FORGED)
def test_each_text_that_was_changed_fails_beside_the_true_record(verified: Path, true_record: Path, name: str) -> None:
    assert verdict_of(check_artifact(verified, record=true_record)) is Verdict.PASS
    write_metadata(verified, {**read_metadata(verified), f"com.mlparity.{name}": FORGED[name]})
    found = check_artifact(verified, record=true_record)[-1]
    assert (found.question, found.verdict) == ("metadata", Verdict.FAIL)
    assert f"{name} is {FORGED[name]!r}" in found.sentence


def test_a_text_that_was_removed_fails_beside_the_true_record(verified: Path, true_record: Path) -> None:
    texts = read_metadata(verified)
    del texts["com.mlparity.figures"]
    write_metadata(verified, texts)
    assert verdict_of(check_artifact(verified, record=true_record)) is Verdict.FAIL


def test_another_model_with_a_digest_of_its_own_fails_beside_the_true_record(verified: Path, true_record: Path) -> None:
    weights = next(verified.rglob("weight.bin"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    forged = {**read_metadata(verified), "com.mlparity.artifact.sha256": artifact_sha256(verified)}
    write_metadata(verified, forged)
    assert verdict_of(check_artifact(verified)) is Verdict.PASS
    assert "lists no artifact of this content" in check_artifact(verified, record=true_record)[-1].sentence


def test_without_the_record_the_text_says_what_was_not_proved(verified: Path, true_record: Path) -> None:
    assert "not signed: give --record" in check_artifact(verified)[1].sentence
    assert "not signed" not in check_artifact(verified, record=true_record)[1].sentence


def test_the_record_is_the_one_that_the_artifact_names(verified: Path, true_record: Path, tmp_path: Path) -> None:
    assert verdict_of(check_artifact(verified, record=tmp_path / "record.json")) is Verdict.PASS
    write_record(example_record("another"), tmp_path / "record.json")
    assert verdict_of(check_artifact(verified, record=tmp_path / "record.json")) is Verdict.FAIL


def test_no_artifact_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such artifact"):
        check_artifact(tmp_path / "absent.mlpackage")


def test_the_command_ends_with_the_verdict(verified: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["record", "check", str(verified)]).exit_code == 0
    assert runner.invoke(app, ["record", "check", str(verified), "--unit", "CPU_AND_NE"]).exit_code == 1
    unknown = runner.invoke(app, ["record", "check", str(verified), "--unit", "coreai/fp8"])
    assert unknown.exit_code == 2
    assert "coreai/fp16" in unknown.output
    missing = runner.invoke(app, ["record", "check", str(tmp_path / "absent.tflite")])
    assert missing.exit_code == 2
    assert "no such artifact" in missing.output


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ((Verdict.PASS, Verdict.PASS), Verdict.PASS),
        ((Verdict.PASS, Verdict.UNKNOWN), Verdict.UNKNOWN),
        ((Verdict.UNKNOWN, Verdict.FAIL), Verdict.FAIL),
        ((Verdict.PASS, Verdict.FAIL), Verdict.FAIL),
        ((), Verdict.UNKNOWN),
    ],
)
def test_the_worst_finding_decides(verdicts: tuple[Verdict, ...], whole: Verdict) -> None:
    assert verdict_of(tuple(Finding("content", verdict, "why") for verdict in verdicts)) is whole


def test_a_record_that_the_artifact_does_not_name(verified: Path, tmp_path: Path) -> None:
    write_record(example_record("another"), tmp_path / "record.json")
    named = record_sha256(RECORD)
    found = {each.question: each for each in check_artifact(verified, record=tmp_path / "record.json")}["record"]
    assert found.sentence.endswith(f", not {named}")
    texts = metadata_of(RECORD, replace(FP32, sha256=artifact_sha256(verified)))
    del texts["com.mlparity.record.sha256"]
    write_metadata(verified, texts)
    found = {each.question: each for each in check_artifact(verified, record=tmp_path / "record.json")}["record"]
    assert found.sentence.endswith(", not any")

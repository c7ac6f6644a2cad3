"""`mlparity record diff`, as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mlparity.core.words import Verdict
from mlparity.record.files import write_record
from mlparity.record.record import Record
from tests.record.example import example_record

RECORD = example_record()
WORSE = replace(RECORD, verdict=Verdict.FAIL, created="2026-01-02T03:04:05Z")


def diff(folder: Path, before: Record, after: Record, *options: str) -> subprocess.CompletedProcess[str]:
    for name, record in (("old", before), ("new", after)):
        (folder / name).mkdir(exist_ok=True)
        write_record(record, folder / name / "record.json")
    command = [sys.executable, "-m", "mlparity", "record", "diff", "old", "new/record.json", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_equal_records_pass(tmp_path: Path) -> None:
    done = diff(tmp_path, RECORD, RECORD)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Nothing changed from 2025-11-23T09:41:07Z to 2025-11-23T09:41:07Z.\n"


@pytest.mark.parametrize("form", ["table", "markdown", "json"])
def test_what_got_worse_is_named_and_fails(tmp_path: Path, form: str) -> None:
    done = diff(tmp_path, RECORD, WORSE, "--format", form)
    assert done.returncode == 1, done.stderr
    if form == "json":
        (change,) = json.loads(done.stdout)["changes"]
        assert (change["kind"], change["before"], change["after"]) == ("verdict", "pass", "fail")
    else:
        assert "1 change from 2025-11-23T09:41:07Z to 2026-01-02T03:04:05Z: 1 worse." in done.stdout
        assert ("| verdict | all | pass | fail | worse |" in done.stdout) is (form == "markdown")


def test_what_cannot_be_compared_is_bad_input(tmp_path: Path) -> None:
    done = diff(tmp_path, RECORD, example_record("resnet"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "different models" in done.stderr
    text = (tmp_path / "old/record.json").read_text()
    (tmp_path / "new/record.json").write_text(text.replace('"schema_version": 1', '"schema_version": 2'))
    command = [sys.executable, "-m", "mlparity", "record", "diff", "old", "new"]
    newer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert newer.returncode == 2
    assert "newer than this mlparity" in newer.stderr

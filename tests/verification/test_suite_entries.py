"""What a folder of a suite says of its models, and what of it can be compared with a later run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mlparity import api
from mlparity.core.errors import FormatError, InputError
from mlparity.core.words import Verdict
from mlparity.record.files import read_record, record_sha256, write_record
from mlparity.record.record import Record
from mlparity.verification.suite_entries import STATE, kept_record, known_models, known_of
from tests.record.example import example_record

GOOD = replace(example_record(), verdict=Verdict.PASS, artifacts=())
BAD = replace(GOOD, verdict=Verdict.FAIL)


def ran(folder: Path, record: Record, *names: str) -> Path:
    """Write a suite's folder with one record for each name."""
    for name in names or ("net",):
        (folder / name).mkdir(parents=True)
        write_record(record, folder / name / "record.json")
    keep(folder, {name: known_of(folder / name, "key") for name in names or ("net",)})
    return folder


def keep(folder: Path, known: dict[str, dict[str, str]]) -> None:
    (folder / STATE).write_text(json.dumps(known))


def without_a_field(folder: Path) -> None:
    """Leave the folder as a version wrote it that did not have one of the record's fields."""
    path = folder / "net/record.json"
    text = json.loads(path.read_text())
    del text["graph_errors"]
    path.write_text(json.dumps(text, indent=1) + "\n")
    assert record_sha256(read_record(path)) != hashlib.sha256(path.read_bytes()).hexdigest()


def of_this_version(folder: Path) -> None:
    without_a_field(folder)
    keep(folder, {"net": known_of(folder / "net", "key")})


def of_an_older_version(folder: Path) -> None:
    without_a_field(folder)
    keep(folder, {"net": {"key": "key", "record": "0" * 64}})


def without_an_entry(folder: Path) -> None:
    (folder / "other").mkdir()
    write_record(GOOD, folder / "other/record.json")
    keep(folder, {"other": known_of(folder / "other", "")})


@pytest.mark.parametrize("older", [of_this_version, of_an_older_version, without_an_entry])
def test_a_record_that_reads_well_is_compared(tmp_path: Path, older: Callable[[Path], None]) -> None:
    before, after = ran(tmp_path / "old", GOOD), ran(tmp_path / "new", BAD)
    older(before)
    found = api.record_changes(before, after)
    assert found.verdict is Verdict.FAIL
    assert "net: all" in {change.subject for change in found.changes}


def test_models_that_an_older_state_does_not_name_are_compared(tmp_path: Path) -> None:
    before, after = ran(tmp_path / "old", GOOD, "net", "keyless"), ran(tmp_path / "new", BAD, "net", "keyless")
    for folder in (before, after):
        keep(folder, {"net": {"key": "key", "record": "0" * 64}})
    found = api.record_changes(before, after)
    assert {change.subject for change in found.changes} == {"net: all", "keyless: all"}


def test_a_record_of_a_model_that_left_the_suite_is_not_its_result(tmp_path: Path) -> None:
    before, after = ran(tmp_path / "old", GOOD, "net", "gone"), ran(tmp_path / "new", GOOD, "net", "gone")
    keep(after, {"net": known_of(after / "net", "key")})
    assert api.record_changes(before, after).verdict is Verdict.UNKNOWN


def test_a_known_failure_is_told(tmp_path: Path) -> None:
    before, after = ran(tmp_path / "old", GOOD), ran(tmp_path / "new", GOOD)
    keep(after, {"net": {"failure": "the factory raised an error\n  found: no weights"}})
    (change,) = api.record_changes(before, after).changes
    assert change.after == "not verified: the factory raised an error; found: no weights"


def missing(path: Path) -> None:
    path.unlink()


def no_record(path: Path) -> None:
    path.write_text("{}")


def foreign(path: Path) -> None:
    write_record(replace(GOOD, created="2001-01-01T00:00:00Z"), path)


@pytest.mark.parametrize("spoil", [missing, no_record, foreign])
@pytest.mark.parametrize("places", [("old",), ("new",), ("old", "new")])
def test_a_record_that_cannot_be_used_is_no_result(
    tmp_path: Path, spoil: Callable[[Path], None], places: tuple[str, ...]
) -> None:
    ran(tmp_path / "old", GOOD)
    ran(tmp_path / "new", BAD)
    for place in places:
        spoil(tmp_path / place / "net/record.json")
    with pytest.raises(FormatError) as caught:
        api.record_changes(tmp_path / "old", tmp_path / "new")
    assert str(tmp_path / places[0] / "net/record.json") in caught.value.where
    assert caught.value.next_step


def test_only_the_record_that_was_written_is_kept(tmp_path: Path) -> None:
    folder = ran(tmp_path / "out", GOOD)
    known = known_models(folder)["net"]
    assert kept_record(folder / "net", known, "key") == GOOD
    assert kept_record(folder / "net", known, "other") is None
    foreign(folder / "net/record.json")
    assert kept_record(folder / "net", known, "key") is None


@pytest.mark.parametrize("text", ["[" * 200_000, "[]", "{", '{"net": 1}'])
def test_another_file_names_no_models(tmp_path: Path, text: str) -> None:
    folder = ran(tmp_path / "out", GOOD)
    (folder / STATE).write_text(text)
    assert known_models(folder) == {}
    with pytest.raises(InputError, match="a suite is compared with a suite"):
        api.record_changes(ran(tmp_path / "old", GOOD), folder)

"""Records as JSON: the same bytes for the same record, and typed errors for everything else."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from mlparity.core.errors import FormatError, OutputError
from mlparity.core.words import Provenance
from mlparity.record.drift import Drift, DriftPoint
from mlparity.record.files import read_record, record_sha256, write_record
from mlparity.record.record import SCHEMA_VERSION, Record
from mlparity.record.schema import SCHEMA_PATH, schema_text
from mlparity.record.text import plain, record_from, text_of
from tests.record.example import example_record

RECORD = example_record()


def test_a_record_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_record(RECORD, path)
    again = read_record(path)
    assert again == RECORD
    assert text_of(again).encode() == path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["record.json"]


def test_non_finite_figures_are_texts() -> None:
    output = RECORD.settings[0].outputs[0]
    figures = {"snr_db": math.inf, "psnr_db": -math.inf, "rmse": math.nan, "cosine": None}
    row = dataclasses.replace(RECORD.settings[0], outputs=(dataclasses.replace(output, figures=figures),))
    text = text_of(dataclasses.replace(RECORD, settings=(row,)))
    assert '"snr_db": "Infinity"' in text
    again = record_from(text, "here").settings[0].outputs[0].figures
    assert (again["snr_db"], again["psnr_db"], again["cosine"]) == (math.inf, -math.inf, None)
    assert math.isnan(again["rmse"] if again["rmse"] is not None else 0.0)
    assert text_of(record_from(text, "here")) == text
    jsonschema.validate(json.loads(text), json.loads(schema_text()))


def test_the_order_of_mappings_does_not_matter() -> None:
    turned = dataclasses.replace(RECORD, environment=dict(reversed(list(RECORD.environment.items()))))
    assert text_of(turned) == text_of(RECORD)
    assert record_sha256(turned) == record_sha256(RECORD)


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    write_record(RECORD, tmp_path / "record.json")
    assert hashlib.sha256((tmp_path / "record.json").read_bytes()).hexdigest() == record_sha256(RECORD)


def test_the_committed_schema_is_the_generated_one() -> None:
    assert SCHEMA_PATH.read_text(encoding="utf-8") == schema_text(), "run `python -m mlparity.record.schema`"


def test_the_schema_accepts_a_record_and_refuses_others() -> None:
    schema = json.loads(schema_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    data = json.loads(text_of(RECORD))
    jsonschema.validate(data, schema)
    for change in ({"verdict": "maybe"}, {"schema_version": "one"}, {"settings": 3}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**data, **change}, schema)


def test_a_record_of_version_1_is_read_as_having_no_envelopes() -> None:
    data = json.loads(text_of(RECORD))
    for name in ("rungs", "hazards"):
        del data[name]
    for row in data["settings"]:
        del row["envelope"]
    old = record_from(json.dumps({**data, "schema_version": 1}), "old")
    assert (old.schema_version, old.rungs, old.hazards) == (1, (), ())
    assert all(row.envelope is None for row in old.settings)


def test_a_drift_survives_with_its_infinities() -> None:
    point = DriftPoint(3, "exp", "exp_1", "y", 2e-4, math.inf, -math.inf, 1.0, lost=2, origin="aten.exp in head")
    drift = Drift("a.mlpackage", "photo", "ideal", Provenance.COMPUTED, 1, (point,))
    record = dataclasses.replace(RECORD, drift=drift)
    assert record_from(text_of(record), "here").drift == drift


def without(name: str) -> Callable[[dict[str, object]], object]:
    return lambda data: {key: value for key, value in data.items() if key != name}


@pytest.mark.parametrize(
    ("change", "what", "words"),
    [
        (without("verdict"), "wrong field", "verdict"),
        (lambda data: {**data, "verdict": "maybe"}, "wrong field", "found: 'maybe'"),
        (lambda data: {**data, "noise": [{"output": "y"}]}, "wrong field", "noise.0.max_abs"),
        (
            lambda data: {**data, "schema_version": SCHEMA_VERSION + 1},
            "newer than this mlparity",
            "pip install --upgrade mlparity",
        ),
        (lambda data: {**data, "schema_version": True}, "not a record", "schema_version True"),
        (lambda data: {**data, "schema_version": 0}, "not a record", "schema_version 0"),
        (without("schema_version"), "not a record", "schema_version None"),
        (lambda _: [1], "not a record", "found: list"),
    ],
)
def test_what_is_no_record_is_refused(change: Callable[[dict[str, object]], object], what: str, words: str) -> None:
    text = json.dumps(change(json.loads(text_of(RECORD))))
    with pytest.raises(FormatError) as caught:
        record_from(text, "some/record.json")
    assert what in caught.value.what
    assert words in str(caught.value)
    assert "some/record.json" in caught.value.where


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "record.json"
    path.write_bytes(content)
    with pytest.raises(FormatError, match="the record is not JSON"):
        read_record(path)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(FormatError, match="the record cannot be read"):
            read_record(path)


def test_a_record_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "record.json").mkdir()
    with pytest.raises(OutputError, match="the file cannot be written"):
        write_record(RECORD, tmp_path / "record.json")
    assert [entry.name for entry in tmp_path.iterdir()] == ["record.json"]
    with pytest.raises(OutputError):
        write_record(RECORD, tmp_path / "no folder" / "record.json")


def test_the_example_is_what_it_claims() -> None:
    assert isinstance(RECORD, Record)
    by_name = {str(row.setting): row for row in RECORD.settings}
    maximum = by_name["fp16/CPU_AND_NE"].outputs[0].figures["max_abs"]
    assert maximum is not None
    assert 1e-3 < maximum / RECORD.noise[0].scale < 1e-2
    assert by_name["fp32/CPU_AND_NE"].state == "not applicable"
    assert (RECORD.verdict, RECORD.cause.kind) == ("pass", "precision")
    assert len(text_of(RECORD)) < 200_000


@pytest.mark.parametrize(("length", "shown"), [(78, 80), (79, 80), (200, 80)])
def test_a_long_value_is_cut_in_the_message(length: int, shown: int) -> None:
    data = json.loads(text_of(RECORD))
    with pytest.raises(FormatError) as caught:
        record_from(json.dumps({**data, "verdict": "x" * length}), "here")
    assert len(caught.value.found) == shown
    assert caught.value.found.endswith("..." if length > 78 else "x'")


def test_a_record_of_this_version_and_of_the_first_are_read() -> None:
    data = json.loads(text_of(RECORD))
    for version in (1, SCHEMA_VERSION):
        assert record_from(json.dumps({**data, "schema_version": version}), "here").schema_version == version


def test_keys_are_sorted_and_whole_numbers_in_places_of_floats_are_floats() -> None:
    row = dataclasses.replace(RECORD.settings[0], seconds_per_sample=1)
    data = json.loads(text_of(dataclasses.replace(RECORD, settings=(row,))))
    assert list(data["environment"]) == sorted(data["environment"])
    assert '"seconds_per_sample": 1.0' in text_of(dataclasses.replace(RECORD, settings=(row,)))


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
        (0.0, 0.0),
        (-1.5, -1.5),
        ((1, (2.0, None)), [1, [2.0, None]]),
        ({"b": [True], "a": math.nan}, {"a": "NaN", "b": [True]}),
        ("text", "text"),
    ],
)
def test_frozen_data_as_json_s_own_types(value: object, wanted: object) -> None:
    assert plain(value) == wanted


def test_a_file_keeps_its_permissions_and_a_new_one_has_the_usual(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_record(RECORD, path)
    usual = path.stat().st_mode & 0o7777
    (tmp_path / "other").write_text("")
    assert usual == (tmp_path / "other").stat().st_mode & 0o7777
    for mode in (0o640, 0o601, 0o604, 0o600):
        path.chmod(mode)
        write_record(RECORD, path)
        assert path.stat().st_mode & 0o7777 == mode


def test_the_first_field_that_is_wrong_is_told() -> None:
    data = json.loads(text_of(RECORD))
    with pytest.raises(FormatError) as caught:
        record_from(json.dumps({**data, "verdict": "maybe", "noise": 3}), "here")
    assert caught.value.where == "here, verdict"


def test_what_a_record_cannot_hold_is_told() -> None:
    wrong = dataclasses.replace(RECORD, mlparity_version=3, created=4)  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="cannot hold") as caught:
        text_of(wrong)
    assert (caught.value.where, caught.value.found) == ("mlparity_version", "3")


def test_a_record_is_written_in_one_form() -> None:
    text = text_of(RECORD)
    assert text.startswith(f'{{\n "schema_version": {SCHEMA_VERSION},\n "mlparity_version": "0.1.0",\n "created"')
    assert '\n "environment": {\n  "coremltools": "9.0",' in text
    assert text.endswith("\n}\n")
    assert "größer" in text_of(dataclasses.replace(RECORD, created="größer"))

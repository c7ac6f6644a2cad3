"""What travels with a model, in a real package and beside a `.tflite`."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from mlparity.core.errors import FormatError
from mlparity.core.words import Precision, Provenance, Verdict
from mlparity.record.decision import Recommendation
from mlparity.record.files import record_sha256
from mlparity.record.metadata import metadata_of
from mlparity.record.record import Artifact
from mlparity.record.rows import RowState, SettingResult
from mlparity.targets.artifacts import artifact_sha256, read_metadata, write_metadata
from mlparity.targets.metadata import sidecar_of
from tests.record.example import example_record

RECORD = example_record()
FP32, FP16, TFLITE = RECORD.artifacts


def test_the_texts_of_an_artifact() -> None:
    texts = metadata_of(RECORD, FP32)
    assert all(name.startswith("com.mlparity.") for name in texts)
    assert texts["com.mlparity.verdict"] == "pass"
    assert texts["com.mlparity.passed.computed"] == "CPU_ONLY, CPU_AND_GPU, ALL"
    assert texts["com.mlparity.passed.measured"] == ""
    assert texts["com.mlparity.recommended"] == "CPU_ONLY"
    assert texts["com.mlparity.record.sha256"] == record_sha256(RECORD)
    figures = json.loads(texts["com.mlparity.figures"])
    assert set(figures) == {"fp32/CPU_ONLY", "fp32/CPU_AND_GPU", "fp32/ALL"}
    assert (
        float(figures["fp32/ALL"]["outputs"]["logits"]["max_abs"]) == RECORD.settings[0].outputs[0].figures["max_abs"]
    )


def test_an_artifact_that_failed_claims_nothing() -> None:
    texts = metadata_of(RECORD, FP16)
    assert texts["com.mlparity.passed.computed"] == texts["com.mlparity.recommended"] == ""
    assert metadata_of(RECORD, TFLITE)["com.mlparity.passed.measured"] == "litert/fp32"


def test_a_package_carries_its_texts_and_loses_nothing(package: Path) -> None:
    import coremltools as ct

    weights = package / "Data/com.apple.CoreML/weights/weight.bin"
    before, touched = artifact_sha256(package), weights.stat()
    others = dict(ct.models.MLModel(str(package), skip_model_load=True).user_defined_metadata)
    assert read_metadata(package) == {}
    written = write_metadata(package, metadata_of(RECORD, FP32))
    assert written == package / "Data/com.apple.CoreML/model.mlmodel"
    assert read_metadata(package) == metadata_of(RECORD, FP32)
    assert (weights.stat().st_mtime_ns, weights.stat().st_ino) == (touched.st_mtime_ns, touched.st_ino)
    assert artifact_sha256(package) == before
    loaded = ct.models.MLModel(str(package), skip_model_load=True)
    assert dict(loaded.user_defined_metadata) == {**others, **metadata_of(RECORD, FP32)}
    assert others["author.key"] == "kept"


def test_a_second_verification_replaces_the_first(package: Path) -> None:
    write_metadata(package, {"com.mlparity.verdict": "fail", "com.mlparity.old": "1"})
    once = write_metadata(package, {"com.mlparity.verdict": "pass"}).read_bytes()
    assert read_metadata(package) == {"com.mlparity.verdict": "pass"}
    assert write_metadata(package, {"com.mlparity.verdict": "pass"}).read_bytes() == once


def test_the_hash_of_a_package_covers_weights_and_program(package: Path) -> None:
    before = artifact_sha256(package)
    weights = package / "Data/com.apple.CoreML/weights/weight.bin"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert artifact_sha256(package) != before


def test_a_tflite_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"any bytes")
    assert read_metadata(path) == {}
    before = artifact_sha256(path)
    assert write_metadata(path, metadata_of(RECORD, TFLITE)) == tmp_path / "model.tflite.mlparity.json"
    assert read_metadata(path) == metadata_of(RECORD, TFLITE)
    assert path.read_bytes() == b"any bytes"
    assert artifact_sha256(path) == before


@pytest.mark.parametrize("text", ["{", "[]", '{"com.mlparity.verdict": 1}'])
def test_a_spoilt_file_beside_a_tflite(tmp_path: Path, text: str) -> None:
    sidecar_of(tmp_path / "model.tflite").write_text(text)
    with pytest.raises(FormatError, match="metadata beside the artifact"):
        read_metadata(tmp_path / "model.tflite")


def test_a_pipe_in_a_package_is_refused(package: Path) -> None:
    os.mkfifo(package / "Data" / "pipe")
    with pytest.raises(FormatError, match="the Core ML package cannot be read"):
        artifact_sha256(package)


def test_a_folder_that_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "m.mlpackage").mkdir()
    with pytest.raises(FormatError, match=r"Manifest\.json"):
        read_metadata(tmp_path / "m.mlpackage")


@pytest.mark.parametrize(
    "manifest", ["[]", "{}", '{"rootModelIdentifier": "a", "itemInfoEntries": {"a": 3}}', "[" * 100_000]
)
def test_a_spoilt_manifest(package: Path, manifest: str) -> None:
    (package / "Manifest.json").write_text(manifest)
    with pytest.raises(FormatError, match="not a Core ML package"):
        write_metadata(package, {})


def test_a_manifest_that_leads_outside(package: Path) -> None:
    text = (package / "Manifest.json").read_text()
    (package / "Manifest.json").write_text(text.replace("com.apple.CoreML/model.mlmodel", "../../other.mlmodel"))
    (package.parent / "other.mlmodel").write_bytes(b"")
    with pytest.raises(FormatError, match="leads outside"):
        write_metadata(package, {})


def test_a_truncated_spec(package: Path) -> None:
    spec = package / "Data/com.apple.CoreML/model.mlmodel"
    spec.write_bytes(spec.read_bytes()[:-7])
    with pytest.raises(FormatError, match="Core ML package cannot be read"):
        read_metadata(package)


def test_a_missing_artifact(tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        artifact_sha256(tmp_path / "none.tflite")


ROW = RECORD.settings[0]


def _passed(artifact: Artifact, *rows: SettingResult) -> str:
    return metadata_of(replace(RECORD, settings=rows), artifact)["com.mlparity.passed.computed"]


@pytest.mark.parametrize(
    ("row", "passed"),
    [
        (ROW, "CPU_ONLY"),
        (replace(ROW, artifact=""), "CPU_ONLY"),
        # Of another file, another precision, another target, not compared, failing: not this artifact's.
        (replace(ROW, artifact="other.mlpackage"), ""),
        (replace(ROW, setting=replace(ROW.setting, precision=Precision.FP16)), ""),
        (replace(ROW, setting=replace(ROW.setting, target="coreai")), ""),
        (replace(ROW, state=RowState.FAILED), ""),
        (replace(ROW, verdict=Verdict.FAIL), ""),
        (replace(ROW, provenance=Provenance.MEASURED), ""),
    ],
)
def test_which_settings_passed_with_an_artifact(row: SettingResult, passed: str) -> None:
    assert _passed(FP32, row) == passed


def test_the_recommended_setting_is_that_of_this_artifact_alone() -> None:
    other = replace(RECORD, recommendation=Recommendation(RECORD.settings[-1].setting))
    assert metadata_of(other, FP32)["com.mlparity.recommended"] == ""
    assert metadata_of(other, TFLITE)["com.mlparity.recommended"] == "litert/fp32"
    nothing = replace(RECORD, recommendation=Recommendation(None))
    assert metadata_of(nothing, FP32)["com.mlparity.recommended"] == ""


def test_figures_without_a_value_are_left_out() -> None:
    output = replace(ROW.outputs[0], figures={"max_abs": 0.0, "mean_abs": None, "cosine": 1.0})
    texts = metadata_of(replace(RECORD, settings=(replace(ROW, outputs=(output,)),)), FP32)
    figures = json.loads(texts["com.mlparity.figures"])["fp32/CPU_ONLY"]
    assert figures["outputs"] == {"logits": {"max_abs": "0.0"}}


def test_texts_of_others_beside_a_tflite_are_not_ours(tmp_path: Path) -> None:
    sidecar_of(tmp_path / "model.tflite").write_text('{"com.mlparity.verdict": "pass", "author": "me"}')
    assert read_metadata(tmp_path / "model.tflite") == {"com.mlparity.verdict": "pass"}


def test_the_file_beside_a_tflite_is_written_in_one_form(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"any bytes")
    write_metadata(path, {"com.mlparity.policy": "größer", "com.mlparity.created": "now"})
    wanted = '{\n "com.mlparity.created": "now",\n "com.mlparity.policy": "größer"\n}\n'
    assert sidecar_of(path).read_text(encoding="utf-8") == wanted


def test_figures_are_sorted_texts() -> None:
    figures = metadata_of(RECORD, FP32)["com.mlparity.figures"]
    assert figures == json.dumps(json.loads(figures), sort_keys=True)

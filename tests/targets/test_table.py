"""The one list of targets: what a row is enough for, and how settings are named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import mlparity
from mlparity import api
from mlparity.cli.inspect import inspect
from mlparity.core.errors import FormatError, PolicyError
from mlparity.core.words import ComputeUnit, Precision, Provenance, Setting, Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.record import Record
from mlparity.targets.table import default_settings, registered, settings_from, targets
from tests.targets.toy import TOY

SAMPLES = [{"x": np.random.default_rng(seed).standard_normal((1, 4)).astype(np.float32)} for seed in range(3)]


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": self.layer(x)}


@pytest.fixture(scope="module")
def toy() -> Iterator[None]:
    with registered(TOY):
        yield


@pytest.fixture(scope="module")
def verified(toy: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("toy") / "out"
    options = api.VerifyOptions(settings_from(["toy/fp32", "litert/fp32"]))
    api.verify(Layer().eval(), out, SAMPLES, options=options)
    return out


@pytest.fixture
def artifact(verified: Path) -> Path:
    (found,) = verified.glob("*.toy")
    return found


def test_a_row_of_the_table_is_enough_to_verify(verified: Path) -> None:
    record = api.read_any_record(verified)
    assert isinstance(record, Record)
    assert record.verdict is Verdict.PASS
    row = record.settings[0]
    assert (str(row.setting), row.provenance, row.runtime) == ("toy/fp32", Provenance.MEASURED, "toy 1.0")
    assert record.cause.kind is CauseKind.NONE
    assert next(each for each in record.artifacts if each.target == "toy").options == {"layers": "1"}


@pytest.mark.parametrize("report", ["report.html", "report.md", "model_card.md", "junit.xml"])
def test_the_reports_show_it(report: str, verified: Path) -> None:
    assert "toy/fp32" in (verified / report).read_text()


def test_it_carries_its_metadata_and_is_checked(artifact: Path) -> None:
    assert api.verdict_of(api.check_artifact(artifact, "toy/fp32")) is Verdict.PASS
    artifact.write_text(artifact.read_text() + " ")
    assert api.verdict_of(api.check_artifact(artifact, "toy/fp32")) is Verdict.FAIL


def test_it_is_run_and_its_outputs_are_compared(artifact: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for number, sample in enumerate(SAMPLES):
        np.savez(inputs / f"{number}.npz", **sample)  # type: ignore[arg-type]
    assert api.run_artifact(artifact, str(inputs), tmp_path / "saved.npz") == 3
    figures, judgement = mlparity.compare_outputs(tmp_path / "saved.npz", artifact, inputs=str(inputs))
    assert judgement.verdict is Verdict.PASS
    assert [each.figures["max_abs"] for each in figures] == [0.0]


def test_a_given_one_is_verified_and_what_differs_fails(artifact: Path, tmp_path: Path) -> None:
    about = json.loads(artifact.read_text())
    about["bias"][0] += 1.0
    other = tmp_path / "other.toy"
    other.write_text(json.dumps(about))
    with pytest.raises(AssertionError, match="toy/fp32"):
        mlparity.assert_parity(Layer().eval(), SAMPLES, artifact=other)


def test_it_is_inspected(artifact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert api.inspect_artifact(artifact).kind == "Toy layer"
    inspect(artifact)
    assert "Toy layer" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.mlmodel", "the model's spec cannot be parsed"),
        ("b.mlmodelc", "Core ML has compiled"),
        ("c", "not an artifact"),
    ],
)
def test_other_forms_of_a_target_are_inspected_or_refused_for_what_they_are(
    name: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.mkdir() if name.endswith("c") else path.write_bytes(b"x")
    with pytest.raises(FormatError, match=words):
        api.inspect_artifact(path)


def test_a_name_or_a_suffix_stands_once(toy: None) -> None:
    with pytest.raises(ValueError, match="in the table already"), registered(TOY):
        pass


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("fp16/ALL", ["fp16/ALL"]),
        ("fp32/*", ["fp32/CPU_ONLY", "fp32/CPU_AND_GPU", "fp32/CPU_AND_NE", "fp32/ALL"]),
        ("*/CPU_ONLY", ["fp32/CPU_ONLY", "fp16/CPU_ONLY"]),
        ("litert/*", ["litert/fp32"]),
        ("onnx/*", ["onnx/fp32"]),
        ("coreai/*", ["coreai/fp32", "coreai/fp16"]),
        ("coreai/*/ALL", ["coreai/fp32/ALL", "coreai/fp16/ALL"]),
        ("fp16+palettize4/ALL", ["fp16+palettize4/ALL"]),
        ("fp16+prune37/*_ONLY", ["fp16+prune37/CPU_ONLY"]),
        ("fp16+palettize*/ALL", [f"fp16+palettize{bits}/ALL" for bits in (1, 2, 3, 4, 6, 8)]),
    ],
)
def test_settings_are_asked_for_by_name_or_pattern(pattern: str, names: list[str]) -> None:
    assert [str(each) for each in settings_from([pattern])] == names


def test_without_a_name_all_default_settings_are_meant() -> None:
    assert settings_from([]) == default_settings()
    assert settings_from(["fp16/ALL", "fp16/*", "fp16/ALL"])[0] == Setting("coreml", Precision.FP16, ComputeUnit.ALL)
    assert len(settings_from(["fp16/ALL", "fp16/*", "fp16/ALL"])) == 4


@pytest.mark.parametrize(
    "name",
    ["", "fp8/ALL", "litert/fp16", "FP16/ALL", "coreml/*", "fp16+zip/ALL", "neuralnetwork+int8/ALL", "onnx/fp32+int8"],
)
def test_a_name_of_no_setting_is_refused(name: str) -> None:
    with pytest.raises(PolicyError, match="unknown setting"):
        settings_from([name])


@pytest.mark.parametrize("text", ["", "Core ML", "../x", "a\nb", "<b>", "1x"])
def test_a_setting_s_target_is_a_plain_name(text: str) -> None:
    with pytest.raises(ValueError, match="no setting"):
        Setting(text, Precision.FP32)


def test_a_compression_is_part_of_the_name() -> None:
    assert str(Setting("coreml", Precision.FP16, ComputeUnit.ALL, "palettize4")) == "fp16+palettize4/ALL"


def test_every_target_has_its_own_settings() -> None:
    for target in targets():
        assert {each.target for each in (*target.settings, *target.extra_settings)} == {target.name}

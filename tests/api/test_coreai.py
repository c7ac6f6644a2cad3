"""Core AI as one more target of `verify`, `run` and `inspect`, and what is said where it is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mlparity import api
from mlparity.api import check_artifact
from mlparity.core.errors import BackendUnavailableError, InputError
from mlparity.core.words import Precision, Provenance, Verdict
from mlparity.record.causes import CauseKind
from mlparity.record.record import Record
from mlparity.record.rows import RowState
from mlparity.targets.artifacts import kind_of
from mlparity.targets.coreai import convert as converter
from mlparity.targets.coreai import session as coreai
from mlparity.targets.table import settings_from
from mlparity.targets.target import RuntimeOptions
from mlparity.verification.check import verdict_of
from mlparity.verification.not_applicable import not_applicable
from mlparity.verification.options import VerifyOptions

needs_coreai = pytest.mark.skipif(not coreai.probe().ok, reason=coreai.probe().why)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 3)).eval()


class Samples:
    description, warning = "four samples", ""

    def __len__(self) -> int:
        return 4

    def __iter__(self) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        random = np.random.default_rng(0)
        for number in range(4):
            yield f"sample {number}", {"input": random.standard_normal((1, 8)).astype(np.float32)}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verified") / "out"
    names = ["coreai/fp32", "coreai/fp32/CPU_AND_NE", "litert/fp32"]
    api.verify(net(), folder, Samples(), options=VerifyOptions(settings=settings_from(names)))
    return folder


@pytest.fixture(scope="module")
def record(out: Path) -> Record:
    found = api.read_any_record(out)
    assert isinstance(found, Record)
    return found


@needs_coreai
def test_a_row_is_measured_and_names_the_runtime(record: Record) -> None:
    row = record.settings[0]
    assert (str(row.setting), row.state, row.provenance) == ("coreai/fp32", RowState.COMPARED, Provenance.MEASURED)
    assert row.runtime.startswith("Core AI ")
    assert row.verdict is Verdict.PASS
    assert record.environment["coreai-core"] in row.runtime
    assert record.cause.kind is CauseKind.NONE
    assert record.recommendation.setting == row.setting


@needs_coreai
@pytest.mark.skipif(coreai.chooses_units(), reason="here Core AI takes compute units")
def test_compute_units_are_explained_where_there_is_one(record: Record) -> None:
    row = record.settings[1]
    assert row.state is RowState.NOT_APPLICABLE
    assert "macOS 27" in row.note


@needs_coreai
def test_the_artifact_carries_the_record_and_the_gate_reads_it(out: Path, record: Record) -> None:
    artifact = out / record.artifacts[0].path
    assert artifact.suffix == ".aimodel"
    findings = check_artifact(artifact, record=out / "record.json")
    assert verdict_of(findings) is Verdict.PASS
    assert "coreai/fp32 passed" in findings[1].sentence
    (artifact / "main.mlirb").write_bytes((artifact / "main.mlirb").read_bytes() + b"\0")
    try:
        assert verdict_of(check_artifact(artifact)) is Verdict.FAIL
    finally:
        (artifact / "main.mlirb").write_bytes((artifact / "main.mlirb").read_bytes()[:-1])


@needs_coreai
def test_the_app_gets_a_snippet_for_core_ai(out: Path) -> None:
    text = (out / "VerifiedModel.swift").read_text()
    assert "try await AIModel(contentsOf: url, options: .cpuOnly)" in text
    assert not (out / "verified_model.py").exists()


@needs_coreai
def test_run_inspect_and_compare_take_it(out: Path, record: Record, tmp_path: Path) -> None:
    aimodel, tflite = (out / each.path for each in record.artifacts)
    np.savez(tmp_path / "in.npz", input=next(iter(Samples()))[1]["input"])
    for artifact in (aimodel, tflite):
        api.run_artifact(artifact, str(tmp_path / "in.npz"), tmp_path / f"{artifact.suffix[1:]}.npz")
    _, judgement = api.compare_outputs(tmp_path / "tflite.npz", tmp_path / "aimodel.npz")
    assert judgement.verdict is Verdict.PASS
    for saved in (tmp_path / "aimodel.npz", aimodel):
        figures, judgement = api.compare_outputs(tflite, saved, inputs=str(tmp_path / "in.npz"))
        assert judgement.verdict is Verdict.PASS
        assert [each.elements for each in figures] == [3]
    found = api.inspect_artifact(aimodel)
    assert [spec.name for spec in found.inputs] == ["input"]
    assert (found.kind, found.facts["precision"], found.is_program) == ("Core AI program", "fp32", False)
    assert found.ops["gelu"] >= 1 or found.ops["erf"] >= 1
    assert found.metadata["com.mlparity.verdict"] == "pass"


@needs_coreai
def test_a_given_model_is_verified_in_its_own_precision(tmp_path: Path) -> None:
    from tests.loading import load_source

    sample = next(iter(Samples()))[1]
    half = net().half()
    source = load_source(half, {"input": sample["input"].astype(np.float16)})
    made = converter.convert(source, {"input": sample["input"].astype(np.float16)}, tmp_path / "given.aimodel")
    assert kind_of(made.path) == ("coreai", Precision.FP16)
    options = VerifyOptions(settings=settings_from(["coreai/fp32", "coreai/fp16"]), artifacts=(made.path,))
    record = api.verify(net(), tmp_path / "out", Samples(), policy="task", options=options)
    wide, narrow = record.settings
    assert (wide.state, narrow.state) == (RowState.FAILED, RowState.COMPARED)
    assert narrow.verdict is Verdict.PASS
    assert 0 < (narrow.outputs[0].figures["max_abs"] or 0.0) < 1e-2


@needs_coreai
def test_a_runtime_that_is_too_slow_is_a_row_with_the_reason(tmp_path: Path) -> None:
    options = VerifyOptions(settings=settings_from(["coreai/fp32"]), runtime=RuntimeOptions(time_limit=0.001))
    record = api.verify(net(), tmp_path / "out", Samples(), options=options)
    (row,) = record.settings
    assert (row.state, record.verdict) == (RowState.FAILED, Verdict.UNKNOWN)
    assert "no answer within 0.001 s" in row.note


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_limit_that_is_none_is_refused(limit: float) -> None:
    with pytest.raises(InputError, match="no time limit"):
        RuntimeOptions(time_limit=limit)


@pytest.fixture
def without_coreai(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the packages from the two places that look for them."""
    for module in (coreai, converter):
        monkeypatch.setattr(module, "find_spec", lambda _: None)


@pytest.mark.usefixtures("without_coreai")
def test_without_the_extra_its_rows_say_how_to_get_them() -> None:
    notes = {
        str(setting): note
        for setting, note in not_applicable(VerifyOptions(settings=settings_from(["*", "coreai/*"]))).items()
    }
    assert set(notes) == {"fp32/CPU_AND_NE", "coreai/fp32", "coreai/fp16"}
    assert "pip install 'mlparity[coreai]'" in notes["coreai/fp16"]


def test_without_what_casts_to_fp16_only_that_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coreai, "find_spec", lambda _: object())
    monkeypatch.setattr(converter, "find_spec", lambda name: None if name == "coreai_opt" else object())
    notes = {
        str(setting): note
        for setting, note in not_applicable(VerifyOptions(settings=settings_from(["*", "coreai/*"]))).items()
    }
    assert set(notes) == {"fp32/CPU_AND_NE", "coreai/fp16"}
    assert "coreai-opt is not installed" in notes["coreai/fp16"]


@pytest.mark.usefixtures("without_coreai")
def test_without_the_extra_asking_for_it_by_name_is_an_error_with_the_next_step(tmp_path: Path) -> None:
    options = VerifyOptions(settings=settings_from(["coreai/fp32"]))
    with pytest.raises(BackendUnavailableError, match=r"pip install 'mlparity\[coreai\]'"):
        api.verify(net(), tmp_path / "out", Samples(), options=options)
    assert list(tmp_path.iterdir()) == []

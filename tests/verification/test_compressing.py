"""Compressed weights as settings of a verification: which, from which artifacts, and why they differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity import api
from mlparity.core.errors import ConversionError, InputError, PolicyError
from mlparity.core.words import Verdict
from mlparity.record.causes import CauseKind, Observation
from mlparity.record.files import read_record
from mlparity.record.policy import Policy
from mlparity.record.record import Record
from mlparity.record.rows import RowState
from mlparity.report.markdown import markdown_report
from mlparity.targets.artifacts import read_metadata
from mlparity.targets.compressor import Compression, OwnCompression
from mlparity.targets.table import settings_from
from mlparity.verification.compressing import compression_of, with_compressions
from mlparity.verification.options import VerifyOptions


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm, self.second = nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.Conv2d(32, 64, 3)
        self.last = nn.Linear(64, 100)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.first(x)))
        return self.last(torch.relu(self.second(x)).mean((2, 3)))


def samples() -> list[dict[str, np.ndarray]]:
    draw = np.random.default_rng(0)
    return [{"x": draw.standard_normal((1, 3, 10, 10)).astype(np.float32)} for _ in range(2)]


def own(model: object) -> object:
    import coremltools.optimize.coreml as cto

    how = cto.OpLinearQuantizerConfig(mode="linear", dtype="uint8")
    return cto.linear_quantize_weights(model, cto.OptimizationConfig(how))


def named(options: VerifyOptions) -> list[str]:
    return [str(setting) for setting in with_compressions(options).settings]


def test_fp16_settings_are_compressed_beside_the_plain_ones() -> None:
    options = VerifyOptions(settings=settings_from(["*/CPU_ONLY"]), compress=("palettize4", "int8"))
    plain = ["fp32/CPU_ONLY", "fp16/CPU_ONLY"]
    assert named(options) == [*plain, "fp16+palettize4/CPU_ONLY", "fp16+int8/CPU_ONLY"]


def test_fp32_settings_are_where_no_others_are_asked_for() -> None:
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]), compress=("prune50",))
    assert named(options) == ["fp32/CPU_ONLY", "fp32+prune50/CPU_ONLY"]


def test_a_function_has_a_setting_of_its_name() -> None:
    options = VerifyOptions(settings=settings_from(["fp16/ALL"]), compress=(own, "some.module:Half.of_It"))
    assert named(options) == ["fp16/ALL", "fp16+own/ALL", "fp16+half_of_it/ALL"]
    assert compression_of("own", options) == Compression("own", own)
    assert compression_of("int8", options) == Compression("int8")


@pytest.mark.parametrize(
    ("compress", "settings", "words"),
    [
        (("zip",), ["fp16/ALL"], "no such compression"),
        (("int8", "int8"), ["fp16/ALL"], "two compressions have one name"),
        (("a:int8",), ["fp16/ALL"], "two compressions have one name"),
        (("int8",), ["neuralnetwork/ALL"], "no setting can be compressed"),
    ],
)
def test_what_cannot_be_asked_for(compress: tuple[str, ...], settings: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        with_compressions(VerifyOptions(settings=settings_from(settings), compress=compress))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verified") / "out"


@pytest.fixture(scope="module")
def record(folder: Path) -> Record:
    settings = settings_from(["*/CPU_ONLY"])
    options = VerifyOptions(settings=settings, compress=("palettize2", "int4-block32", own), deployment_target=None)
    return api.verify(Net().eval(), folder, samples(), "task", options)


def test_each_compression_has_rows_with_its_own_artifact(record: Record, folder: Path) -> None:
    rows = {str(row.setting): row for row in record.settings}
    plain = rows["fp16/CPU_ONLY"]
    assert plain.verdict is Verdict.PASS
    sizes = {artifact.path: artifact.size_bytes for artifact in record.artifacts}
    for name in ("palettize2", "int4-block32", "own"):
        row = rows[f"fp16+{name}/CPU_ONLY"]
        assert row.state is RowState.COMPARED
        assert sizes[row.artifact] < sizes[plain.artifact]
        said = read_metadata(folder / row.artifact)
        assert (
            said["com.mlparity.artifact.sha256"]
            != read_metadata(folder / plain.artifact)["com.mlparity.artifact.sha256"]
        )
    made = {artifact.compression: artifact for artifact in record.artifacts}
    assert made["int4-block32"].options["deployment_target"] == "iOS18"
    assert made["palettize2"].options["compressed_weights"] == "2 of 2"
    assert len(record.artifacts) == 5, "what is only compressed further is not kept"
    assert not list(folder.glob("bases_*"))


def test_the_cause_is_the_compression_with_its_layers(record: Record) -> None:
    row = next(row for row in record.settings if row.setting.compression == "palettize2")
    (cause,) = row.causes
    assert (row.verdict, cause.kind) == (Verdict.FAIL, CauseKind.COMPRESSION)
    seen = [evidence.observation for evidence in cause.evidence]
    assert seen == [Observation.COMPRESSION_DIFFERS, Observation.WEIGHTS_RESTORED]
    assert cause.ops
    assert all("second" in op.origin or "last" in op.origin for op in cause.ops)
    plain = [row for row in record.settings if not row.setting.compression]
    assert all(cause.kind is not CauseKind.COMPRESSION for row in plain for cause in row.causes)


def test_the_reports_show_sizes(record: Record) -> None:
    text = markdown_report(record)
    assert "| size | verdict |" in text
    assert "fp16+palettize2/CPU_ONLY" in text


def test_the_record_reads_back(record: Record, folder: Path) -> None:
    assert read_record(folder / "record.json") == record


def test_a_compression_that_the_deployment_target_cannot_hold_fails_by_name(tmp_path: Path) -> None:
    settings = settings_from(["fp16/CPU_ONLY", "fp16+int4-block32/CPU_ONLY"])
    options = VerifyOptions(settings=settings, deployment_target="iOS16")
    found = api.verify(Net().eval(), tmp_path / "out", samples(), "task", options)
    plain, row = found.settings
    assert (plain.state, row.state) == (RowState.COMPARED, RowState.FAILED)
    assert "--target iOS18" in row.note
    with pytest.raises(ConversionError, match="cannot be stored for iOS16"):
        api.verify(Net().eval(), tmp_path / "other", samples(), "task", replace(options, settings=settings[1:]))


def raises(_: object) -> object:
    raise KeyError("no such layer")


@pytest.mark.parametrize(
    ("compress", "target", "words"),
    [
        ("int4-block32", "iOS16", "--target iOS18"),
        ("palettize4", "iOS15", "--target iOS16"),
        ("int4-block33", None, "left every weight as it is"),
        (raises, None, "no such layer"),
    ],
)
def test_what_was_asked_for_by_name_and_is_refused_is_bad_input(
    compress: str | OwnCompression, target: str | None, words: str, tmp_path: Path
) -> None:
    options = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]), compress=(compress,), deployment_target=target)
    with pytest.raises(InputError) as caught:
        api.verify(Net().eval(), tmp_path / "out", samples(), "task", options)
    assert words in str(caught.value)
    assert "next:" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_given_package_is_compressed_and_not_converted_again(record: Record, folder: Path, tmp_path: Path) -> None:
    given = folder / next(row.artifact for row in record.settings if str(row.setting) == "fp16/CPU_ONLY")
    options = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]), artifacts=(given,), compress=("prune50",))
    found = api.verify(Net().eval(), tmp_path / "out", samples(), "task", options)
    assert [artifact.frontend for artifact in found.artifacts] == ["given", "given"]
    assert [str(row.setting) for row in found.settings] == ["fp16/CPU_ONLY", "fp16+prune50/CPU_ONLY"]
    assert found.settings[1].state is RowState.COMPARED


def test_a_given_compressed_package_has_that_cause(record: Record, folder: Path, tmp_path: Path) -> None:
    given = folder / next(row.artifact for row in record.settings if row.setting.compression == "palettize2")
    options = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]), artifacts=(given,))
    found = api.verify(Net().eval(), tmp_path / "out", samples(), "task", options)
    assert found.cause.kind is CauseKind.COMPRESSION


def test_a_policy_may_require_a_compressed_setting(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text('required = ["fp16+int8/CPU_ONLY"]\nlimits.max_abs.at_most = 1.0\n')
    options = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]), compress=("int8",))
    found = api.verify(Net().eval(), tmp_path / "out", samples(), str(file), options)
    assert isinstance(found.policy, Policy)
    assert found.verdict is Verdict.PASS
    with pytest.raises(PolicyError, match="fp16\\+int8"):
        api.verify(Net().eval(), tmp_path / "other", samples(), str(file), replace(options, compress=()))

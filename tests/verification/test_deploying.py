"""Several deployment targets in one record: rows of their own, what the converter lowers otherwise, and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import mlparity
from mlparity import api
from mlparity.cli.app import app
from mlparity.core.errors import ConversionError, InputError, PolicyError
from mlparity.core.words import Verdict
from mlparity.record.files import read_record
from mlparity.report.lowerings import lowering_sentences

SAMPLES = [{"x": np.random.default_rng(seed).standard_normal((1, 2, 6, 8)).astype(np.float32)} for seed in range(3)]


class Attention(nn.Module):
    """Attends to itself: an op of its own from iOS 18 on, and products with a softmax before."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.scaled_dot_product_attention(x, x * 0.5, x + 1)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deploying") / "out"
    options = api.VerifyOptions(
        settings=api.settings_from(["fp32/CPU_ONLY", "fp16/CPU_ONLY"]), deployment_targets=("iOS16", "iOS18")
    )
    mlparity.verify(Attention().eval(), folder, SAMPLES, "task", options)
    return folder


def test_each_target_has_rows_and_artifacts_of_its_own(out: Path) -> None:
    record = read_record(out / "record.json")
    assert record.verdict is Verdict.PASS
    rows = {str(row.setting): row.artifact for row in record.settings}
    assert list(rows) == [
        *("fp32@iOS16/CPU_ONLY", "fp32@iOS18/CPU_ONLY", "fp16@iOS16/CPU_ONLY", "fp16@iOS18/CPU_ONLY"),
    ]
    assert len(set(rows.values())) == 4
    made = {artifact.path: artifact.options["deployment_target"] for artifact in record.artifacts}
    assert {name: made[path] for name, path in rows.items()} == {name: name[5:10] for name in rows}


def test_what_is_lowered_otherwise_is_in_the_record_and_in_every_report(out: Path) -> None:
    record = read_record(out / "record.json")
    fp32, fp16 = record.lowerings
    assert fp32.more["scaled_dot_product_attention"] == 1
    assert (fp32.fewer["matmul"], fp32.fewer["softmax"]) == (2, 1)
    assert ("iOS16" in fp16.other, "iOS18" in fp16.artifact) == (True, True)
    sentence = lowering_sentences(record)[0]
    assert "fewer" in sentence
    assert "in fp32@iOS18/CPU_ONLY" in sentence
    for report in ("report.html", "report.md"):
        assert "scaled_dot_product_attention x 1" in (out / report).read_text()


def test_each_artifact_carries_the_verdict_of_its_own_rows(out: Path) -> None:
    record = read_record(out / "record.json")
    for row in record.settings:
        assert api.verdict_of(api.check_artifact(out / row.artifact, str(row.setting.compute_unit))) is Verdict.PASS


def test_a_setting_names_its_target() -> None:
    assert [str(each) for each in api.settings_from(["fp16@iOS17/ALL", "fp*@iOS18/CPU_ONLY"])] == [
        *("fp16@iOS17/ALL", "fp32@iOS18/CPU_ONLY", "fp16@iOS18/CPU_ONLY"),
    ]
    for wrong in ("fp16@/ALL", "litert/fp32@iOS17", "neuralnetwork@iOS17/ALL", "fp16@i OS/ALL"):
        with pytest.raises(PolicyError, match="unknown setting"):
            api.settings_from([wrong])


def test_an_unknown_target_is_refused_before_any_work(tmp_path: Path) -> None:
    options = api.VerifyOptions(deployment_targets=("iOS16", "iOS99"))
    with pytest.raises(ConversionError, match="unknown deployment target 'iOS99'") as raised:
        mlparity.verify(Attention().eval(), tmp_path / "out", SAMPLES, "task", options)
    assert "iOS18" in raised.value.expected


def test_given_artifacts_and_cures_take_one_target(out: Path, tmp_path: Path) -> None:
    package = next(out.glob("*.mlpackage"))
    for wrong, words in (
        (
            api.VerifyOptions(deployment_targets=("iOS16", "iOS18"), artifacts=(package,)),
            "conversions that are made here",
        ),
        (api.VerifyOptions(deployment_target="iOS16", artifacts=(package,)), "conversions that are made here"),
        (api.VerifyOptions(deployment_targets=("iOS16", "iOS18"), fix=True), "a cure is found for one"),
    ):
        with pytest.raises(InputError, match=words):
            mlparity.verify(Attention().eval(), tmp_path / "out", SAMPLES, "task", wrong)


def test_the_command_line_takes_several_and_one(tmp_path: Path) -> None:
    (tmp_path / "given.py").write_text("import torch\ndef net():\n    return torch.nn.ReLU().eval()\n")
    base = ["verify", f"{tmp_path}/given.py:net", "--shape", "input:1,3", "--out", str(tmp_path / "out")]
    some = ["--setting", "fp32/CPU_ONLY", "--target", "iOS17"]
    one = CliRunner().invoke(app, [*base, *some])
    assert (one.exit_code, "fp32/CPU_ONLY" in one.output) == (0, True)
    both = CliRunner().invoke(app, [*base, *some, "--target", "iOS18"])
    assert (both.exit_code, "fp32@iOS17/CPU_ONLY" in both.output, "same ops" in both.output) == (0, True, True)

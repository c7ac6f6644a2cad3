"""Tuning on real conversions: what is kept in fp32, and that the code to paste asks for the same."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.api import tune
from mlparity.core.errors import ConversionError, InputError
from mlparity.core.words import Precision, Verdict
from mlparity.engine.numerics import TYPED
from mlparity.engine.reading import read_program
from mlparity.record.policy import Limit, Policy
from mlparity.targets.artifacts import artifact_sha256
from mlparity.targets.coreml.mixed_precision import float_ops
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions
from tests.engine.runtime.programs import as_array
from tests.faults import networks as nets
from tests.faults.fault import normal, uniform
from tests.loading import load_model
from tests.models import bert, samples, zoo

ONE = VerifyOptions(settings=settings_from(["fp16/CPU_ONLY"]))


class GreatVariance(nn.Module):
    """A norm that no convolution takes in, whose variances pass 65504."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 4, 3)
        assert self.norm.running_var is not None
        self.norm.running_var.copy_(torch.linspace(7e4, 9e4, 8))

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.norm(torch.relu(self.first(x * 400)))).mean((2, 3))


def test_a_great_variance_keeps_exactly_that_op(tmp_path: Path) -> None:
    found = tune(nets.seeded(GreatVariance)(), tmp_path / "out", uniform(1, 3, 9, 9, count=2), options=ONE)
    assert [op.type for op in found.kept] == ["batch_norm"]
    assert found.after.verdict is Verdict.PASS
    made = read_program(tmp_path / "out" / found.package)
    assert [op.type for op in float_ops(made, Precision.FP32)] == ["batch_norm"]


def test_an_overflow_is_cured_by_the_ops_it_passes_through(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = nets.bare(lambda x: torch.log(1 + torch.exp(x)))()
    values = uniform(2, 8, low=5, high=16)
    found = tune(source, tmp_path / "out", values, options=ONE)
    assert [op.type for op in found.kept] == ["exp", "add", "log"]
    assert (found.before.verdict, found.after.verdict) == (Verdict.FAIL, Verdict.PASS)
    assert found.after.fp32_ops == len(found.kept), "one number in both lines of the command"
    assert json.loads((tmp_path / "out/tuning.json").read_text())["kept"][0]["type"] == "exp"
    assert found.sha256 == artifact_sha256(tmp_path / "out" / found.package)
    capfd.readouterr()
    made = read_program(converted_with(found.selector, source, values[0]["x"].shape, tmp_path / "pasted.mlpackage"))
    assert [op.type for op in float_ops(made, Precision.FP32)] == ["exp", "add", "log"]


def converted_with(selector: str, source: nn.Module, shape: tuple[int, ...], path: Path) -> Path:
    """Convert as a user would who pastes the code."""
    import coremltools as ct

    pasted: dict[str, Any] = {}
    exec(selector, pasted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated; coremltools renames an output
        ct.convert(
            torch.jit.trace(source, torch.zeros(shape)),
            inputs=[ct.TensorType("x", shape=shape)],
            compute_precision=pasted["compute_precision"],
            minimum_deployment_target=ct.target.iOS16,
            skip_model_load=True,
        ).save(str(path))
    return path


@pytest.mark.parametrize(
    ("source", "values"),
    [
        (nets.seeded(nets.Convolutions), uniform(1, 3, 12, 12, count=2)),
        (nets.seeded(lambda: nets.Perceptron(8, 32, 4)), normal(2, 8)),
        (nets.seeded(lambda: nets.Attention(torch.finfo(torch.float32).min)), normal(1, 6, 8)),
        (nets.seeded(nets.Sequence), normal(1, 4, 16)),
    ],
    ids=["convolutions", "perceptron", "attention with finfo.min", "sequence"],
)
def test_healthy_models_keep_nothing(source: Any, values: Any, tmp_path: Path) -> None:
    found = tune(source(), tmp_path / "out", values, options=ONE)
    assert found.kept == ()
    assert found.conversions == 1
    assert found.after.verdict is Verdict.PASS
    assert {path.name for path in (tmp_path / "out").iterdir()} == {found.package, "op_selector.py", "tuning.json"}


def test_the_nan_of_a_mask_with_finfo_min_is_gone_from_minilm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bert, "MASKED", torch.finfo(torch.float32).min)
    sample = next(iter(samples.sentences()))
    np.savez(tmp_path / "sentence.npz", **sample)  # type: ignore[arg-type]
    plain = load_model(converted_plainly(zoo.minilm(), sample, tmp_path / "plain.mlpackage"), TYPED)
    assert np.isnan(as_array(next(iter(plain.predict(sample).values())))).all()
    found = tune(zoo.minilm(), tmp_path / "out", str(tmp_path / "sentence.npz"), "task", ONE)
    (output,) = found.after.outputs
    assert (found.after.verdict, output.figures["nan_count"]) == (Verdict.PASS, 0)
    assert found.kept == (), "the conversion itself writes such a mask so that fp16 can hold it"


def converted_plainly(source: nn.Module, sample: Mapping[str, np.ndarray], path: Path) -> Path:
    """Convert a module of one named output with coremltools alone, in fp16."""
    import coremltools as ct

    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.source = source

        def forward(self, *inputs: Tensor) -> Tensor:
            return next(iter(self.source(*inputs).values()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ct.convert(
            torch.jit.trace(Bare().eval(), tuple(torch.tensor(each) for each in sample.values())),
            inputs=[ct.TensorType(name, each.shape, np.int32) for name, each in sample.items()],
            minimum_deployment_target=ct.target.iOS16,
            skip_model_load=True,
        ).save(str(path))
    return path


def test_a_policy_that_fp32_does_not_hold_either_is_refused(tmp_path: Path) -> None:
    impossible = Policy("impossible", (Limit("max_abs", at_most=0.0),), noise_factor=0.0)
    with pytest.raises(ConversionError, match="every op in fp32"):
        tune(nets.seeded(nets.Convolutions)(), tmp_path / "out", uniform(1, 3, 12, 12), impossible, ONE)
    assert not (tmp_path / "out").exists()


def test_settings_without_fp16_are_refused(tmp_path: Path) -> None:
    options = VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]))
    with pytest.raises(InputError):
        tune(nets.bare(torch.relu)(), tmp_path / "out", normal(2, 8), options=options)

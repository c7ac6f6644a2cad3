"""A conversion to a neural network: its types, its file, its target, and what coremltools cannot say in that form."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import ConversionError
from mlparity.core.session import Sample
from mlparity.core.source import Source
from mlparity.core.words import ComputeUnit, Precision
from mlparity.sessions.checked import run_checked
from mlparity.targets.artifacts import artifact_sha256, kind_of, read_metadata, write_metadata
from mlparity.targets.coreml import session as coreml_backend
from mlparity.targets.coreml.checked_conversion import convert_checked, difference_of, put
from mlparity.targets.coreml.convert import CoremlOptions, Frontend, convert
from tests.loading import load_source
from tests.targets.coreml.test_convert import IMAGE, small

NETWORK = CoremlOptions(precision=Precision.NEURAL_NETWORK)


def made(source: Source, sample: Sample, path: Path, options: CoremlOptions = NETWORK) -> Any:
    done = convert(source, sample, options)
    put(done, path)
    return done


@pytest.mark.parametrize("suffix", [".mlmodel", ".mlpackage"])
def test_it_is_saved_in_either_form_and_is_fp32_on_the_cpu(tmp_path: Path, suffix: str) -> None:
    path, source = tmp_path / f"net{suffix}", small()
    done = made(source, IMAGE, path)
    assert done.model.get_spec().WhichOneof("Type") == "neuralNetwork"
    assert done.options["deployment_target"] == "iOS13"
    assert kind_of(path) == ("coreml", Precision.NEURAL_NETWORK)
    with coreml_backend.open_package(path, ComputeUnit.CPU_ONLY) as session:
        (found,) = run_checked(session, IMAGE).values()
    (expected,) = cast("nn.Module", source.module)(torch.from_numpy(IMAGE["image"]))
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=0, atol=1e-6)


def test_the_same_route_and_checks_as_of_ml_programs(tmp_path: Path) -> None:
    path = tmp_path / "net.mlmodel"
    done, _ = convert_checked(small(), [IMAGE], NETWORK, path)
    assert done.attempts == ()
    assert [found.name for found in tmp_path.iterdir()] == ["net.mlmodel"]


@pytest.mark.parametrize(
    ("asked", "taken"), [(None, "iOS13"), ("iOS14", "iOS14"), ("iOS17", "iOS13"), ("macOS11", "macOS11")]
)
def test_a_newer_target_runs_what_is_made_for_an_older_one(asked: str | None, taken: str) -> None:
    options = CoremlOptions(precision=Precision.NEURAL_NETWORK, deployment_target=asked)
    assert convert(small(), IMAGE, options).options["deployment_target"] == taken


def test_it_is_made_for_the_lowest_target_that_has_every_layer() -> None:
    sample = {"x": np.ones((2, 3), np.float32)}
    made = convert(load_source(Summing().eval(), sample), sample, NETWORK)
    assert made.options["deployment_target"] == "iOS14"


class Summing(nn.Module):
    """Adds up along an axis, for which iOS 13 has no layer."""

    def forward(self, x: Tensor) -> Tensor:
        return x.cumsum(-1)


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(ConversionError, match="unknown deployment target") as refused:
        convert(small(), IMAGE, CoremlOptions(precision=Precision.NEURAL_NETWORK, deployment_target="iOS99"))
    assert "iOS13" in refused.value.expected


class Counting(nn.Module):
    """Takes fp16 and integers, and gives integers and truth values."""

    def forward(self, x: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
        return x.argmax(-1) + shift, x > 1


def test_what_a_network_has_no_type_for_enters_and_leaves_in_another(tmp_path: Path) -> None:
    sample = {"x": np.arange(12, dtype=np.float16).reshape(3, 4) / 4, "shift": np.array([1, 0, 2], np.int64)}
    source = load_source(Counting().eval(), sample)
    path = tmp_path / "net.mlmodel"
    made(source, sample, path)
    with coreml_backend.open_package(path, ComputeUnit.CPU_ONLY) as session:
        outputs = run_checked(session, sample)
    expected = cast("nn.Module", source.module)(*(torch.from_numpy(sample[name]) for name in source.input_names))
    for found, wanted in zip(outputs.values(), expected, strict=True):
        np.testing.assert_array_equal(found, wanted.numpy())


class Looking(nn.Module):
    """Samples at places of its own, for which networks have no layer."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.grid_sample(x, torch.zeros(1, 4, 4, 2) + x.mean(), align_corners=False)


class LookingByRow(nn.Module):
    """The same in a form that can be written in simpler ops, with tables of positions that are known beforehand."""

    def forward(self, x: Tensor) -> Tensor:
        grid = x.mean((1, 3)).reshape(1, 4, 1, 1).expand(1, 4, 4, 2)
        return nn.functional.grid_sample(x, grid, align_corners=False)


def test_what_coremltools_cannot_convert_is_an_error_that_names_it() -> None:
    sample = {"x": np.zeros((1, 3, 4, 4), np.float32)}
    with pytest.raises(ConversionError, match="the converter stopped at grid_sampler") as refused:
        convert(load_source(Looking().eval(), sample), sample, NETWORK)
    assert "convert to an ML Program" in refused.value.next_step


def test_an_op_without_a_layer_is_written_in_simpler_ones(tmp_path: Path) -> None:
    sample = {"x": np.linspace(-1, 1, 48, dtype=np.float32).reshape(1, 3, 4, 4)}
    source, path = load_source(LookingByRow().eval(), sample), tmp_path / "net.mlmodel"
    done = made(source, sample, path)
    assert done.frontend == Frontend.DECOMPOSED
    assert difference_of(source, [sample], path, Precision.NEURAL_NETWORK).is_small


@pytest.mark.parametrize("suffix", [".mlmodel", ".mlpackage"])
def test_its_texts_travel_in_the_file_and_leave_its_hash(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    made(small(), IMAGE, path)
    before = artifact_sha256(path)
    texts = {"com.mlparity.verdict": "pass"}
    write_metadata(path, texts)
    assert read_metadata(path) == texts
    assert artifact_sha256(path) == before
    assert sorted(found.name for found in tmp_path.iterdir()) == [path.name]
    write_metadata(path, {"com.mlparity.verdict": "fail"})
    assert read_metadata(path) == {"com.mlparity.verdict": "fail"}

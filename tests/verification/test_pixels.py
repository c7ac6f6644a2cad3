"""Packages with an image input, verified and run on the same photos as their source, without a wrapper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from mlparity import api
from mlparity.core.words import ComputeUnit, Precision, Verdict
from mlparity.record.causes import CauseKind
from mlparity.targets.table import settings_from, target_named
from mlparity.targets.target import Request
from tests.loading import load_source

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SIZE = 16
TOML = """
size = [16, 16]
colour = "{colour}"
layout = "{layout}"
mean = [0.5, 0.4, 0.3]
std = [0.2, 0.3, 0.25]
"""
OPTIONS = api.VerifyOptions(settings=settings_from(["fp32/CPU_ONLY"]))


class Net(nn.Module):
    def __init__(self, layout: str = "NCHW") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.layout = nn.Conv2d(3, 8, 3, 2), nn.Linear(8 * 49, 5), layout

    def forward(self, photo: Tensor) -> Tensor:
        x = photo.permute(0, 3, 1, 2) if self.layout == "NHWC" else photo
        return self.last(torch.tanh(self.first(x)).flatten(1))


class Normalised(nn.Module):
    """As people wrap a model before they convert it with an image input."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...] = (0.5, 0.4, 0.3)) -> None:
        super().__init__()
        self.inner = Net()
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor((0.2, 0.3, 0.25)).reshape(1, 3, 1, 1))

    def forward(self, photo: Tensor) -> Tensor:
        return self.inner((photo - self.mean) / self.std)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        Image.fromarray(random.integers(0, 256, (20, 24, 3), np.uint8)).save(folder / name)
    return folder


def preprocess(folder: Path, colour: str = "RGB", layout: str = "NCHW") -> str:
    path = folder / f"{colour}-{layout}.toml"
    path.write_text(TOML.format(colour=colour, layout=layout))
    return str(path)


def package(folder: Path, module: nn.Module | None = None, **image: Any) -> Path:
    path = folder / "net.mlpackage"
    module = Normalised() if module is None else module
    kind = ct.ImageType("photo", (1, 3, SIZE, SIZE), **{"scale": 1 / 255, **image})
    traced = torch.jit.trace(module.eval(), torch.rand(1, 3, SIZE, SIZE))
    ct.convert(
        traced,
        inputs=[kind],
        outputs=[ct.TensorType("scores")],
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS16,
    ).save(str(path))
    return path


def verified(source: nn.Module, artifact: Path, photos: Path, how: str, out: Path) -> Any:
    options = replace(OPTIONS, artifacts=(artifact,), preprocess=how)
    return api.verify(source.eval(), out, str(photos), options=options)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_right_package_passes(tmp_path: Path, photos: Path, layout: str) -> None:
    how = preprocess(tmp_path, layout=layout)
    record = verified(Net(layout), package(tmp_path), photos, how, tmp_path / "out")
    assert (record.verdict, record.cause.kind) == (Verdict.PASS, CauseKind.NONE)
    assert any("both sides are given the pixels" in note for note in record.source.notes)


def test_a_source_that_takes_bgr_agrees_with_a_bgr_image(tmp_path: Path, photos: Path) -> None:
    how, artifact = preprocess(tmp_path, "BGR"), package(tmp_path, color_layout=ct.colorlayout.BGR)
    assert verified(Net(), artifact, photos, how, tmp_path / "out").verdict is Verdict.PASS
    wrong = verified(Net(), artifact, photos, preprocess(tmp_path), tmp_path / "other")
    assert (wrong.verdict, wrong.cause.kind) == (Verdict.FAIL, CauseKind.PREPROCESSING)


@pytest.mark.parametrize(
    ("module", "image"),
    [
        (None, {"scale": 1.0}),
        (None, {"bias": [-0.5, -0.5, -0.5]}),
        (Normalised((0.5, 0.5, 0.5)), {}),
    ],
    ids=["scale of 0..255", "a bias too much", "one mean for all"],
)
def test_a_wrong_image_input_is_named(
    tmp_path: Path, photos: Path, module: nn.Module | None, image: dict[str, Any]
) -> None:
    artifact = package(tmp_path, module, **image)
    record = verified(Net(), artifact, photos, preprocess(tmp_path), tmp_path / "out")
    assert (record.verdict, record.cause.kind) == (Verdict.FAIL, CauseKind.PREPROCESSING)


def test_run_gives_it_the_pixels_too(tmp_path: Path, photos: Path) -> None:
    out, artifact, how = tmp_path / "out.npz", package(tmp_path), preprocess(tmp_path)
    assert api.run_artifact(artifact, str(photos), out, how, ComputeUnit.CPU_ONLY) == 2
    picture = Image.open(photos / "a.png").convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.asarray(picture, np.float32).transpose(2, 0, 1)[None].copy())
    with np.load(out) as saved, torch.no_grad():
        (name,) = (name for name in saved.files if name.startswith("a.png/"))
        np.testing.assert_allclose(saved[name], Normalised().eval()(pixels / 255).numpy(), atol=1e-5)


def test_beside_an_artifact_that_takes_tensors_the_samples_stay(tmp_path: Path, photos: Path) -> None:
    artifact, how = package(tmp_path), preprocess(tmp_path)
    tensors = tmp_path / "net.tflite"
    sample = {"photo": np.zeros((1, 3, SIZE, SIZE), np.float32)}
    target_named("litert").convert(Request(load_source(Net().eval(), sample), [sample], Precision.FP32, tensors))
    settings = settings_from(["fp32/CPU_ONLY", "litert/fp32"])
    options = replace(OPTIONS, artifacts=(artifact, tensors), preprocess=how, settings=settings)
    record = api.verify(Net().eval(), tmp_path / "out", str(photos), options=options)
    images, other = record.settings
    assert (images.verdict, other.verdict) == (Verdict.UNKNOWN, Verdict.PASS)
    assert "the sample has no pixels" in images.note

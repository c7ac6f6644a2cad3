"""Packages with an image input, verified and run on the same photos as their source, without a wrapper."""

from __future__ import annotations

from collections.abc import Callable
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
from mlparity.core.errors import InputError
from mlparity.core.progress import silent
from mlparity.core.words import ComputeUnit, Precision, Verdict
from mlparity.record.causes import CauseKind
from mlparity.report.causes import cause_sentence
from mlparity.targets.table import settings_from, target_named
from mlparity.targets.target import Request
from mlparity.verification.sources import open_source
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

    def __init__(
        self, mean: tuple[float, ...] = (0.5, 0.4, 0.3), turned: Callable[[Tensor], Tensor] = lambda x: x
    ) -> None:
        super().__init__()
        self.inner, self.turned = Net(), turned
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor((0.2, 0.3, 0.25)).reshape(1, 3, 1, 1))

    def forward(self, photo: Tensor) -> Tensor:
        return self.inner(self.turned((photo - self.mean) / self.std))


class OfPixels(nn.Module):
    """Takes the pixels themselves, 0 to 255."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.inner = Net()
        torch.manual_seed(seed)
        self.inner.last = nn.Linear(8 * 49, 5)

    def forward(self, photo: Tensor) -> Tensor:
        return self.inner(photo / 255 - 0.5)


def of_pixels() -> nn.Module:
    return OfPixels().eval()


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
    ("change", "image", "said"),
    [
        ({}, {"scale": 1.0}, "scale (5, 3.3333, 4), bias (-2.5, -1.3333, -1.2) in the artifact"),
        ({}, {"bias": [-0.5] * 3}, "bias (-5, -3, -3.2) in the artifact"),
        ({"mean": (0.0, 0.0, 0.0)}, {}, "bias 0 in the artifact"),
        ({"mean": (0.5, 0.5, 0.5)}, {}, "bias (-2.5, -1.6667, -2) in the artifact"),
        ({}, {"color_layout": ct.colorlayout.BGR}, "channels as BGR, and the network of the source takes RGB"),
        ({"turned": lambda x: x.flip(3)}, {}, "mirrored left to right"),
        ({"turned": lambda x: x.transpose(2, 3)}, {}, "height and width are swapped"),
    ],
    ids=["scale of 0..255", "a bias too much", "no bias", "one mean for all", "BGR", "mirrored", "swapped"],
)
def test_a_wrong_image_input_is_named(
    tmp_path: Path, photos: Path, change: dict[str, Any], image: dict[str, Any], said: str
) -> None:
    artifact = package(tmp_path, Normalised(**change), **image)
    record = verified(Net(), artifact, photos, preprocess(tmp_path), tmp_path / "out")
    assert (record.verdict, record.cause.kind) == (Verdict.FAIL, CauseKind.PREPROCESSING)
    assert said in cause_sentence(record)


@pytest.mark.parametrize("layout", ["RGB", "BGR"])
def test_inspect_shows_the_order_of_colours(tmp_path: Path, layout: str) -> None:
    (image,) = api.inspect_artifact(package(tmp_path, color_layout=ct.colorlayout[layout])).inputs
    assert (image.shape, image.dtype) == ((SIZE, SIZE), f"{layout} image")


def test_a_cure_of_an_image_input_takes_an_image(tmp_path: Path, photos: Path) -> None:
    artifact, how = package(tmp_path, OfPixels(1), scale=1), tmp_path / "pixels.toml"
    how.write_text("size = [16, 16]\nscale = 1.0\n")
    options = replace(OPTIONS, artifacts=(artifact,), preprocess=str(how), fix=True)
    record = api.verify("tests.verification.test_pixels:of_pixels", tmp_path / "out", str(photos), options=options)
    assert record.fix is not None
    (image,) = api.inspect_artifact(tmp_path / "out" / record.fix.package).inputs
    assert image.dtype == "RGB image"


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


@pytest.mark.parametrize(("colour", "layout"), [("RGB", "NCHW"), ("BGR", "NHWC")])
def test_a_conversion_takes_the_pixels_of_a_camera(tmp_path: Path, photos: Path, colour: str, layout: str) -> None:
    settings = settings_from(["fp32/CPU_ONLY", "neuralnetwork/CPU_ONLY", "litert/fp32"])
    how = preprocess(tmp_path, colour, layout)
    options = replace(OPTIONS, settings=settings, preprocess=how, image_input="photo")
    record = api.verify(Net(layout).eval(), tmp_path / "out", str(photos), options=options)
    assert {row.verdict for row in record.settings} == {Verdict.PASS}
    assert all((row.outputs[0].figures["max_abs"] or 0) < 1e-6 for row in record.settings)
    for artifact in (path for path in record.artifacts if path.target == "coreml"):
        model = ct.models.MLModel(str(tmp_path / "out" / artifact.path), skip_model_load=True)
        (image,) = model.get_spec().description.input
        assert image.type.imageType.ColorSpace.Name(image.type.imageType.colorSpace) == colour


def test_pictures_of_several_sizes_make_a_flexible_image(tmp_path: Path) -> None:
    for number, size in enumerate(((20, 24), (20, 30))):
        pixels = np.random.default_rng(number).integers(0, 256, (*size, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    options = replace(OPTIONS, preprocess="zero-to-one", image_input="photo")
    source = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1))
    record = api.verify(Pooled(source).eval(), tmp_path / "out", str(tmp_path), options=options)
    assert record.settings[0].verdict is Verdict.PASS
    assert record.settings[0].outputs[0].elements == 2 * 4


class Pooled(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, photo: Tensor) -> Tensor:
        return self.inner(photo)


def test_the_weights_of_a_source_behind_pixels_have_its_own_digest(tmp_path: Path, photos: Path) -> None:
    options = replace(OPTIONS, preprocess=preprocess(tmp_path), image_input="photo")
    record = api.verify(Net().eval(), tmp_path / "out", str(photos), options=options)
    sample = {"photo": np.zeros((1, 3, SIZE, SIZE), np.float32)}
    assert record.source.sha256 == load_source(Net().eval(), sample).sha256


@pytest.mark.parametrize(
    ("how", "name", "artifacts", "said"),
    [
        ("bytes", "photo", (), "cannot be an image"),
        ("zero-to-one", "picture", (), "not the one that the pictures are for"),
        ("zero-to-one", "photo", (Path("net.mlpackage"),), "artifacts are given"),
    ],
)
def test_what_cannot_be_an_image_input_is_refused(
    tmp_path: Path, photos: Path, how: str, name: str, artifacts: tuple[Path, ...], said: str
) -> None:
    options = replace(OPTIONS, preprocess=how, image_input=name, artifacts=artifacts)
    with pytest.raises(InputError, match=said):
        open_source(Net().eval(), str(photos), options, silent)


def test_a_state_is_converted_with_tensors(tmp_path: Path, photos: Path) -> None:
    options = replace(OPTIONS, preprocess=preprocess(tmp_path), image_input="photo")
    with pytest.raises(InputError, match="keeps a state"):
        open_source(Counting().eval(), str(photos), options, silent)


class Counting(nn.Module):
    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, photo: Tensor) -> Tensor:
        self.seen.add_(photo.mean())
        return self.seen * 1.0


def test_what_grey_pictures_cannot_show_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "grey"
    folder.mkdir()
    grey = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 1), np.uint8)
    Image.fromarray(np.repeat(grey, 3, axis=2)).save(folder / "a.png")
    artifact = package(tmp_path, color_layout=ct.colorlayout.BGR)
    record = verified(Net(), artifact, folder, preprocess(tmp_path), tmp_path / "out")
    assert any("the order of the channels is not verified" in note for note in record.source.notes)


def test_coloured_pictures_show_it(tmp_path: Path, photos: Path) -> None:
    record = verified(Net(), package(tmp_path), photos, preprocess(tmp_path), tmp_path / "out")
    assert not any("not verified" in note for note in record.source.notes)


def test_folders_of_classes_give_accuracies(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for number in range(10):
        folder = tmp_path / "photos" / "abcde"[number % 5]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (SIZE, SIZE, 3), np.uint8)).save(folder / f"{number}.png")
    options = replace(OPTIONS, preprocess=preprocess(tmp_path), image_input="photo", limit=7)
    record = api.verify(Net().eval(), tmp_path / "out", str(tmp_path / "photos"), options=options)
    found = record.settings[0].outputs[0].labels
    assert found is not None
    assert found.samples == 7
    assert found.source_right == found.artifact_right
    assert "accuracy" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("resample = 'nearest'", "resample nearest where the source has bilinear"),
        ("crop = [18, 18]", "crop [18, 18] where the source has [0, 0]"),
        ("mean = [0.4, 0.4, 0.3]", "mean [0.4, 0.4, 0.3] where the source has [0.5, 0.4, 0.3]"),
    ],
)
def test_what_an_app_prepares_otherwise_is_named_with_both_values(
    tmp_path: Path, photos: Path, app: str, said: str
) -> None:
    kept = [line for line in TOML.format(colour="RGB", layout="NCHW").splitlines() if not line.startswith(app[:4])]
    (tmp_path / "app.toml").write_text("\n".join((*kept, app)))
    settings = settings_from(["fp32/CPU_ONLY", "litert/fp32"])
    how = preprocess(tmp_path)
    options = replace(OPTIONS, settings=settings, preprocess=how, artifact_preprocess=str(tmp_path / "app.toml"))
    record = api.verify(Net().eval(), tmp_path / "out", str(photos), options=options)
    for row in record.settings:
        (cause,) = row.causes
        assert (row.verdict, cause.kind) == (Verdict.FAIL, CauseKind.PREPROCESSING)
        assert cause.evidence[0].names["how"] == said
    assert any("as the app prepares them" in note for note in record.source.notes)


def test_of_an_app_that_gives_images_only_the_geometry_counts(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "app.toml").write_text("size = [16, 16]\nscale = 1.0")
    options = replace(OPTIONS, preprocess=preprocess(tmp_path), image_input="photo")
    options = replace(options, artifact_preprocess=str(tmp_path / "app.toml"))
    record = api.verify(Net().eval(), tmp_path / "out", str(photos), options=options)
    assert (record.verdict, record.cause.kind) == (Verdict.PASS, CauseKind.NONE)
    assert any("in the same way" in note for note in record.source.notes)


def test_an_app_s_preprocessing_is_one_of_pictures(tmp_path: Path) -> None:
    options = replace(OPTIONS, artifact_preprocess="imagenet")
    sample = {"photo": np.zeros((1, 3, SIZE, SIZE), np.float32)}
    with pytest.raises(InputError, match="one of pictures"):
        api.verify(Net().eval(), tmp_path / "out", [sample], options=options)


@pytest.mark.parametrize(
    ("how", "found"),
    [("size = [12, 16]", "RGB, 12 x 16 pixels"), ("colour = 'GRAY'\nsize = [16, 16]", "grey, 16 x 16")],
)
def test_pictures_of_another_size_or_kind_are_refused(tmp_path: Path, photos: Path, how: str, found: str) -> None:
    (tmp_path / "other.toml").write_text(how)
    options = replace(OPTIONS, artifacts=(package(tmp_path),), preprocess=str(tmp_path / "other.toml"))
    with pytest.raises(InputError, match=found) as raised:
        open_source(Pooled(nn.AdaptiveAvgPool2d(1)).eval(), str(photos), options, silent)
    assert "size = [16, 16]" in raised.value.next_step


def test_class_names_without_folders_of_classes_are_refused(tmp_path: Path, photos: Path) -> None:
    options = replace(OPTIONS, preprocess=preprocess(tmp_path), class_names=("cat", "dog"))
    with pytest.raises(InputError, match="one folder for each class"):
        open_source(Net().eval(), str(photos), options, silent)

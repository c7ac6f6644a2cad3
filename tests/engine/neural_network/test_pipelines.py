"""Pipelines: detectors as exporters build them, classifiers and regressors, and how features are passed on."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mlparity import api
from mlparity.core.errors import FormatError, InputError
from mlparity.core.words import ComputeUnit, Precision, Setting
from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.engine.mil.spec import proto
from mlparity.targets.artifacts import kind_of
from mlparity.targets.coreml.session import emulation_of, open_package
from tests.engine.neural_network.networks import LayerSpec, add_array, network
from tests.engine.neural_network.test_suppression import overlap
from tests.loading import load_model

SIZE, CLASSES = 24, 3
PIXELS = np.random.default_rng(5).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
THRESHOLDS = ((0.7, 0.25), (0.45, 0.4), (0.1, 0.05), (1.0, 0.0), (0.5, 0.999))


class Detector(nn.Module):
    """Boxes and the confidence of each class for a grid of places, as rows."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.body = nn.Conv2d(3, 8, 3, stride=3, padding=1)
        self.boxes, self.scores = nn.Conv2d(8, 4, 1), nn.Conv2d(8, CLASSES, 1)
        across, down = np.meshgrid(np.arange(8.0), np.arange(8.0))
        cells = np.stack([across, down, 1 + 0 * down, 1 + 0 * down], -1).reshape(-1, 4)
        self.cells = torch.from_numpy(cells.astype(np.float32))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = nn.functional.silu(self.body(image))
        scores = self.scores(features)
        scores = 20 * (scores - scores.mean((2, 3), keepdim=True)) - 2
        confidence = scores.sigmoid().flatten(2)[0].T
        return confidence, self.boxes(features).sigmoid().flatten(2)[0].T + self.cells


def ct() -> Any:
    enable_coremltools()
    import coremltools

    return coremltools


@pytest.fixture(scope="module", params=["mlprogram", "neuralnetwork"])
def detector(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector from PyTorch and a suppression; only the pipeline describes the thresholds."""
    image = ct().ImageType("image", (1, 3, SIZE, SIZE), scale=1 / 255)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # coremltools and tracing warn of their own future
        traced = torch.jit.trace(Detector().eval(), torch.rand(1, 3, SIZE, SIZE))
        first = ct().convert(traced, inputs=[image], convert_to=request.param, skip_model_load=True)
    names = [each.name for each in first.get_spec().description.output]
    whole = proto("Model").Model()
    whole.specificationVersion = first.get_spec().specificationVersion
    whole.pipeline.models.add().CopyFrom(first.get_spec())
    whole.pipeline.models.add().CopyFrom(suppression(names))
    whole.description.input.add().CopyFrom(first.get_spec().description.input[0])
    for name in ("iouThreshold", "confidenceThreshold"):
        feature = whole.description.input.add()
        feature.name = name
        feature.type.doubleType.SetInParent()
    for name in ("confidence", "coordinates"):
        add_array(whole.description.output.add(), name, ())
    suffix = ".mlpackage" if request.param == "mlprogram" else ".mlmodel"
    path = tmp_path_factory.mktemp("detector") / f"detector{suffix}"
    weights = {"weights_dir": first.weights_dir} if request.param == "mlprogram" else {}
    ct().models.MLModel(whole, skip_model_load=True, **weights).save(str(path))
    return path


def suppression(names: list[str]) -> Any:
    model = proto("Model").Model()
    model.specificationVersion = 3
    nms = model.nonMaximumSuppression
    nms.confidenceInputFeatureName, nms.coordinatesInputFeatureName = names
    nms.confidenceOutputFeatureName, nms.coordinatesOutputFeatureName = "confidence", "coordinates"
    nms.iouThresholdInputFeatureName, nms.confidenceThresholdInputFeatureName = "iouThreshold", "confidenceThreshold"
    nms.iouThreshold, nms.confidenceThreshold = THRESHOLDS[0]
    nms.pickTop.perClass = True
    for name in names:
        add_array(model.description.input.add(), name, ())
    for name, columns in (("confidence", CLASSES), ("coordinates", 4)):
        feature = model.description.output.add()
        add_array(feature, name, ())
        for low, high in ((0, -1), (columns, columns)):
            size = feature.type.multiArrayType.shapeRange.sizeRanges.add()
            size.lowerBound, size.upperBound = low, high
    return model


def kept(confidence: np.ndarray, boxes: np.ndarray, iou: float, least: float) -> list[int]:
    """Return the rows that remain, by falling confidence; boxes of other classes do not compete."""
    best, label = confidence.max(1), confidence.argmax(1)
    waiting = sorted((row for row in range(len(best)) if best[row] >= least), key=lambda row: -best[row])
    found: list[int] = []
    while waiting:
        head = waiting.pop(0)
        found.append(head)
        waiting = [row for row in waiting if label[row] != label[head] or overlap(boxes[head], boxes[row]) <= iou]
    return found


@pytest.mark.parametrize("unit", ["CPU_ONLY", "CPU_AND_GPU", "ALL"])
def test_a_detector_gives_what_the_suppression_leaves_of_its_raw_output(detector: Path, unit: str) -> None:
    units = ct().ComputeUnit[unit]
    model = ct().models.MLModel(str(detector), compute_units=units)
    stage = model.get_spec().pipeline.models[0]
    weights = {"weights_dir": model.weights_dir} if detector.suffix == ".mlpackage" else {}
    raw = ct().models.MLModel(stage, compute_units=units, **weights).predict({"image": Image.fromarray(PIXELS)})
    confidence, boxes = (raw[feature.name] for feature in stage.description.output)
    counts = set()
    for iou, least in THRESHOLDS:
        given = {"iouThreshold": iou, "confidenceThreshold": least, "image": Image.fromarray(PIXELS)}
        got, want = model.predict(given), kept(confidence, boxes, iou, least)
        np.testing.assert_array_equal(got["confidence"], confidence[want])
        np.testing.assert_array_equal(got["coordinates"], boxes[want])
        counts.add(len(want))
    assert 0 in counts, "no threshold leaves nothing"
    assert len(counts) > 3, "the thresholds hardly differ"
    own = model.predict({"image": Image.fromarray(PIXELS)})
    np.testing.assert_array_equal(own["coordinates"], boxes[kept(confidence, boxes, *THRESHOLDS[0])])


def test_a_detector_is_inspected_and_run_as_a_whole(detector: Path, tmp_path: Path) -> None:
    is_program = detector.suffix == ".mlpackage"
    shown = api.inspect_artifact(detector)
    assert shown.kind == f"pipeline of {'ML Program' if is_program else 'neural network'}, suppression of boxes"
    assert [each.name for each in shown.inputs] == ["image", "iouThreshold", "confidenceThreshold"]
    assert {"conv", "non_maximum_suppression"} <= shown.ops.keys()
    assert shown.problem == ""
    assert kind_of(detector)[1] is (Precision.FP16 if is_program else Precision.NEURAL_NETWORK)
    pixels = PIXELS.transpose(2, 0, 1)[None].astype(np.float32)
    (tmp_path / "samples").mkdir()
    np.savez(tmp_path / "samples" / "a.npz", image=pixels)
    api.run_artifact(detector, str(tmp_path / "samples"), tmp_path / "out.npz", unit=ComputeUnit.CPU_ONLY)
    with open_package(detector, ComputeUnit.CPU_ONLY) as session, np.load(tmp_path / "out.npz") as saved:
        own = session.run({"image": pixels})
        other = session.run({"image": pixels, "confidenceThreshold": np.asarray(0.0)})
        np.testing.assert_array_equal(saved["a.npz/coordinates"], own["coordinates"])
    assert len(other["coordinates"]) > len(own["coordinates"]) > 0


def test_the_units_differ_on_one_model_of_a_detector(detector: Path) -> None:
    found = emulation_of(detector)
    assert found is not None
    assert found.is_emulated
    setting = Setting("coreml", kind_of(detector)[1], ComputeUnit.ALL)
    assert found.variants(setting, ("M4",), fast=True)


def halving(name: str, source: str) -> Any:
    """Return a network that halves four numbers."""
    layer = LayerSpec("multiply", {"alpha": 0.5}, (source,), (name,))
    return network([layer], {source: (4,)}, {name: (4,)})


def piped(kind: str, stages: list[Any], outputs: tuple[str, ...]) -> Any:
    model = proto("Model").Model()
    model.specificationVersion = 5
    inner = model.pipeline if kind == "pipeline" else getattr(model, kind).pipeline
    for stage in stages:
        inner.models.add().CopyFrom(stage)
    model.description.input.add().CopyFrom(stages[0].description.input[0])
    described = {feature.name: feature for stage in stages for feature in stage.description.output}
    for name in outputs:
        model.description.output.add().CopyFrom(described[name])
    return model


def predicted(model: Any, path: Path, **inputs: object) -> dict[str, Any]:
    path.write_bytes(model.SerializeToString())
    result: dict[str, Any] = ct().models.MLModel(str(path), compute_units=ct().ComputeUnit.CPU_ONLY).predict(inputs)
    return result


X = np.array([1.0, -2.0, 3.0, 0.5], np.float32)


def test_a_classifier_ends_a_pipeline_with_its_label_and_probabilities(tmp_path: Path) -> None:
    last = network(
        [LayerSpec("softmaxND", {"axis": -1}, ("h",), ("p",))], {"h": (4,)}, (), kind="neuralNetworkClassifier"
    )
    last.neuralNetworkClassifier.stringClassLabels.vector.extend("abcd")
    last.neuralNetworkClassifier.labelProbabilityLayerName = "p"
    label, probabilities = (last.description.output.add() for _ in range(2))
    label.name, probabilities.name = "label", "probabilities"
    label.type.stringType.SetInParent()
    probabilities.type.dictionaryType.stringKeyType.SetInParent()
    last.description.predictedFeatureName, last.description.predictedProbabilitiesName = "label", "probabilities"
    whole = piped("pipelineClassifier", [halving("h", "x"), last], ("label", "probabilities"))
    whole.description.predictedFeatureName = "label"
    got = predicted(whole, tmp_path / "classifier.mlmodel", x=X)
    wanted = np.exp(X / 2) / np.exp(X / 2).sum()
    assert got["label"] == "c"
    np.testing.assert_allclose([got["probabilities"][name] for name in "abcd"], wanted, rtol=1e-6)
    assert "classifier" in api.inspect_artifact(tmp_path / "classifier.mlmodel").kind


def test_a_regressor_ends_a_pipeline_with_its_number(tmp_path: Path) -> None:
    layer = LayerSpec("reduceSum", {"axes": [0], "keepDims": True}, ("h",), ("y",))
    last = network([layer], {"h": (4,)}, {"y": (1,)}, kind="neuralNetworkRegressor")
    last.description.predictedFeatureName = "y"
    whole = piped("pipelineRegressor", [halving("h", "x"), last], ("y",))
    whole.description.predictedFeatureName = "y"
    got = predicted(whole, tmp_path / "regressor.mlmodel", x=X)
    np.testing.assert_allclose(got["y"], [X.sum() / 2], rtol=1e-6)


def test_a_later_model_reads_what_the_last_one_before_it_gave(tmp_path: Path) -> None:
    """Twice the same names: each model takes the newest value, and the pipeline gives the newest of all."""
    again = network([LayerSpec("copy", {}, ("h",), ("x",))], {"h": (4,)}, {"x": (4,)})
    whole = piped("pipeline", [halving("h", "x"), again, halving("h", "x")], ("h", "x"))
    got = predicted(whole, tmp_path / "names.mlmodel", x=X)
    np.testing.assert_array_equal(got["h"], X / 4)
    np.testing.assert_array_equal(got["x"], X / 2)


def test_what_a_pipeline_cannot_do_is_said(tmp_path: Path) -> None:
    whole = piped("pipeline", [halving("h", "x"), halving("y", "h")], ("y",))
    path = tmp_path / "two.mlmodel"
    path.write_bytes(whole.SerializeToString())
    found = emulation_of(path)
    assert found is not None
    with pytest.raises(FormatError, match="not combined"):
        found.variants(Setting("coreml", Precision.NEURAL_NETWORK, ComputeUnit.ALL), ("M4",), fast=True)
    with pytest.raises(InputError, match="does not take this"):
        load_model(path).predict({"x": X, "more": X})
    whole.pipeline.models[1].glmRegressor.SetInParent()
    path.write_bytes(whole.SerializeToString())
    with pytest.raises(FormatError, match="glmRegressor"):
        kind_of(path)
    del whole.pipeline.models[:]
    path.write_bytes(whole.SerializeToString())
    with pytest.raises(FormatError, match="no models"):
        kind_of(path)


class Quarter(nn.Module):
    """What two networks that halve give together."""

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"y": x / 4}


def test_a_pipeline_that_is_given_is_verified_as_far_as_its_units_are_known(tmp_path: Path) -> None:
    path = tmp_path / "two.mlmodel"
    path.write_bytes(piped("pipeline", [halving("h", "x"), halving("y", "h")], ("y",)).SerializeToString())
    (tmp_path / "samples").mkdir()
    np.savez(tmp_path / "samples" / "a.npz", x=X)
    options = api.VerifyOptions(settings=api.settings_from(("neuralnetwork/*",)), artifacts=(path,))
    record = api.verify(Quarter().eval(), tmp_path / "out", str(tmp_path / "samples"), options=options)
    states = {str(row.setting): row for row in record.settings}
    assert states["neuralnetwork/CPU_ONLY"].verdict == "pass"
    assert states["neuralnetwork/CPU_ONLY"].provenance == "computed"
    others = [row for row in record.settings if row.setting.compute_unit is not ComputeUnit.CPU_ONLY]
    assert {row.verdict for row in others if not row.is_witness} == {"unknown"}
    assert sum("not combined" in row.note for row in others) == 3

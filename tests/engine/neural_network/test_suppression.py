"""The suppression of boxes as a model, alone and at the end of a pipeline with a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlparity.core.errors import FormatError
from mlparity.engine.coremltools_binding import enable_coremltools
from mlparity.engine.mil.spec import proto
from mlparity.engine.neural_network.suppression import suppression_program
from mlparity.engine.numerics import TYPED
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.model import Model
from tests.engine.neural_network.networks import LayerSpec, add_array, add_layer

RANDOM = np.random.default_rng(3)
BOXES = np.concatenate([RANDOM.uniform(0, 10, (40, 2)), RANDOM.uniform(1, 5, (40, 2))], 1).astype(np.float32)
SCORES = RANDOM.uniform(0, 1, (40, 3)).astype(np.float32)


def model(*, per_class: bool = False, rows: tuple[int, int] | None = None, optional: bool = True) -> Any:
    message = proto("Model").Model()
    message.specificationVersion = 4
    nms = message.nonMaximumSuppression
    nms.iouThreshold, nms.confidenceThreshold = 0.3, 0.6
    nms.pickTop.perClass = per_class
    names = {"confidenceInput": "scores", "coordinatesInput": "boxes", "confidenceOutput": "confidence"}
    names |= {"coordinatesOutput": "coordinates", "iouThresholdInput": "iou", "confidenceThresholdInput": "least"}
    for name, value in names.items():
        setattr(nms, f"{name}FeatureName", value)
    for name in ("scores", "boxes"):
        add_array(message.description.input.add(), name, (), "fp64")
    for name in ("iou", "least"):
        feature = message.description.input.add()
        feature.name = name
        feature.type.doubleType.SetInParent()
        feature.type.isOptional = optional
    for name, columns in (("confidence", 3), ("coordinates", 4)):
        feature = message.description.output.add()
        add_array(feature, name, (), "fp64")
        if rows is not None:
            for low, high in (rows, (columns, columns)):
                size = feature.type.multiArrayType.shapeRange.sizeRanges.add()
                size.lowerBound, size.upperBound = low, high
    return message


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    low = np.maximum(first[:2] - first[2:] / 2, second[:2] - second[2:] / 2)
    high = np.minimum(first[:2] + first[2:] / 2, second[:2] + second[2:] / 2)
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / float(np.prod(first[2:]) + np.prod(second[2:]) - shared)


def kept(iou: float, least: float, *, per_class: bool) -> list[int]:
    """Return the boxes that remain, by falling confidence: the algorithm as the specification words it."""
    best, label = SCORES.max(1), SCORES.argmax(1)
    waiting = sorted((index for index in range(len(best)) if best[index] >= least), key=lambda index: -best[index])
    found: list[int] = []
    while waiting:
        head = waiting.pop(0)
        found.append(head)
        waiting = [
            each
            for each in waiting
            if overlap(BOXES[head], BOXES[each]) <= iou or (per_class and label[head] != label[each])
        ]
    return found


def run(message: Any, **inputs: object) -> dict[str, Any]:
    program = suppression_program(Path("nms.mlmodel"), message)
    return Model(bind(program, TYPED)).predict({"scores": SCORES, "boxes": BOXES, **inputs})


@pytest.mark.parametrize("per_class", [False, True])
@pytest.mark.parametrize(("iou", "least"), [(0.3, 0.6), (0.05, 0.2), (1.0, 0.5), (0.3, 0.0)])
def test_boxes_are_kept_by_confidence_and_overlap(iou: float, least: float, per_class: bool) -> None:
    got = run(model(per_class=per_class), iou=iou, least=least)
    want = kept(iou, least, per_class=per_class)
    np.testing.assert_array_equal(got["confidence"], SCORES[want])
    np.testing.assert_array_equal(got["coordinates"], BOXES[want])


def test_thresholds_that_are_not_given_are_the_models_own() -> None:
    np.testing.assert_array_equal(run(model())["confidence"], SCORES[kept(0.3, 0.6, per_class=False)])


def test_features_may_have_any_name() -> None:
    message = model()
    for feature, name in zip(message.description.output, ("suppression_best", "rows"), strict=True):
        feature.name = name
    message.nonMaximumSuppression.confidenceOutputFeatureName = "suppression_best"
    message.nonMaximumSuppression.coordinatesOutputFeatureName = "rows"
    np.testing.assert_array_equal(run(message)["rows"], BOXES[kept(0.3, 0.6, per_class=False)])


def test_nothing_may_be_detected() -> None:
    got = run(model(), least=2.0)
    assert got["confidence"].shape == (0, 3)
    assert got["coordinates"].shape == (0, 4)


def test_rows_are_cut_and_filled_as_described() -> None:
    want = kept(0.3, 0.6, per_class=False)
    assert len(want) > 2
    np.testing.assert_array_equal(run(model(rows=(0, 2)))["confidence"], SCORES[want[:2]])
    filled = run(model(rows=(30, 30)))
    np.testing.assert_array_equal(filled["coordinates"][: len(want)], BOXES[want])
    assert filled["coordinates"].shape == (30, 4)
    assert not filled["confidence"][len(want) :].any()


def test_a_name_that_is_not_described_is_refused() -> None:
    message = model()
    message.nonMaximumSuppression.coordinatesInputFeatureName = "corners"
    with pytest.raises(FormatError, match="no 'corners'"):
        run(message)


@pytest.mark.parametrize("unit", ["CPU_ONLY", "ALL"])
def test_a_pipeline_of_a_network_and_a_suppression_predicts(tmp_path: Path, unit: str) -> None:
    message = proto("Model").Model()
    message.specificationVersion = 4
    network, nms = (message.pipeline.models.add() for _ in range(2))
    nms.CopyFrom(model())
    network.specificationVersion = 4
    for name, shape in (("raw", (40, 3)), ("boxes", (40, 4))):
        add_array(network.description.input.add(), name, shape)
        add_array(message.description.input.add(), name, shape)
    add_array(network.description.output.add(), "scores", (40, 3))
    network.neuralNetwork.arrayInputShapeMapping = 1
    add_layer(network.neuralNetwork, LayerSpec("multiply", {"alpha": 0.5}, ("raw",), ("scores",)), "half")
    del network.description.input[1]
    for feature in model().description.input[2:]:
        message.description.input.add().CopyFrom(feature)
    for feature in nms.description.output:
        message.description.output.add().CopyFrom(feature)
    path = tmp_path / "detector.mlmodel"
    path.write_bytes(message.SerializeToString())
    enable_coremltools()
    import coremltools as ct

    detector = ct.models.MLModel(str(path), compute_units=ct.ComputeUnit[unit])
    got = detector.predict({"raw": 2 * SCORES, "boxes": BOXES, "least": 0.6})
    scores = SCORES if unit == "CPU_ONLY" else SCORES.astype(np.float16).astype(np.float32)
    want = kept(0.3, 0.6, per_class=False)
    np.testing.assert_array_equal(got["confidence"], scores[want])
    np.testing.assert_array_equal(got["coordinates"], BOXES[want])
    assert detector.predict({"raw": 2 * SCORES, "boxes": BOXES, "least": 3.0})["confidence"].shape == (0, 3)

"""Joined features, and the pipeline with a linear model behind them, as coremltools makes it of scikit-learn's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import coremltools as ct
import numpy as np
import pytest
from coremltools.models import datatypes
from coremltools.models.feature_vectorizer import create_feature_vectorizer
from coremltools.models.pipeline import PipelineRegressor
from coremltools.proto import Model_pb2

import mlparity
from mlparity.core.errors import FormatError
from mlparity.engine.numerics import TYPED
from mlparity.engine.reading import read_program
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.model import Model

COLUMNS = [("count", datatypes.Int64()), ("many", datatypes.Array(2)), ("share", datatypes.Double())]
VALUES = {"count": 3, "many": np.array([0.1, -7.0]), "share": 0.25}
JOINED = [3.0, 0.1, -7.0, 0.25]


def vectorizer() -> Any:
    spec, width = create_feature_vectorizer(COLUMNS, "joined")
    assert width == len(JOINED)
    return spec


def regressor() -> Any:
    spec = Model_pb2.Model()
    spec.specificationVersion = 1
    array, output = spec.description.input.add(), spec.description.output.add()
    array.name, output.name = "joined", "price"
    array.type.multiArrayType.shape.append(4)
    array.type.multiArrayType.dataType = ct.proto.FeatureTypes_pb2.ArrayFeatureType.DOUBLE
    output.type.doubleType.SetInParent()
    spec.description.predictedFeatureName = "price"
    spec.glmRegressor.offset.append(0.5)
    spec.glmRegressor.weights.add().value.extend([1.0, -2.0, 0.5, 4.0])
    return spec


def saved(folder: Path, spec: Any) -> Path:
    path = folder / "model.mlmodel"
    path.write_bytes(spec.SerializeToString())
    return path


def test_columns_are_joined_in_their_order(tmp_path: Path) -> None:
    found = Model(bind(read_program(saved(tmp_path, vectorizer())), TYPED)).predict(VALUES)
    np.testing.assert_array_equal(found["joined"], JOINED)


def test_a_pipeline_with_a_linear_model_predicts(tmp_path: Path) -> None:
    mlparity.enable_coremltools()
    pipeline = PipelineRegressor(COLUMNS, "price")
    pipeline.add_model(vectorizer())
    pipeline.add_model(regressor())
    found = ct.models.MLModel(str(saved(tmp_path, pipeline.spec))).predict(VALUES)
    assert found == {"price": pytest.approx(0.5 + 3.0 - 0.2 - 3.5 + 1.0, rel=1e-15)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda spec: spec.featureVectorizer.inputList.pop(), "3 numbers for the outputs joined"),
        (lambda spec: setattr(spec.featureVectorizer.inputList[1], "inputDimensions", 3), "3 numbers of the column"),
        (lambda spec: setattr(spec.featureVectorizer.inputList[0], "inputColumn", "none"), "the column 'none'"),
        (lambda spec: spec.featureVectorizer.ClearField("inputList"), "no columns"),
    ],
)
def test_what_contradicts_its_description_is_refused(change: Any, words: str, tmp_path: Path) -> None:
    spec = vectorizer()
    change(spec)
    with pytest.raises(FormatError, match="contradicts its description") as caught:
        read_program(saved(tmp_path, spec))
    assert words in caught.value.found

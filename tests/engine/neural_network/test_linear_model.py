"""Generalised linear models: the product, the offset and the function of it, as `GLMRegressor.proto` has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from coremltools.proto import FeatureTypes_pb2, Model_pb2

from mlparity.core.errors import FormatError
from mlparity.engine.numerics import TYPED
from mlparity.engine.reading import read_program
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.model import Model

WEIGHTS = [[1.0, -2.0, 0.25], [0.5, 3.0, -1.0]]
OFFSETS = [0.1, -0.7]


def saved(folder: Path, rows: int, bend: str, *, weights: Sequence[Sequence[float]] = WEIGHTS) -> Path:
    """Save a regressor of a number and an array of two."""
    spec = Model_pb2.Model()
    spec.specificationVersion = 1
    number, array, output = (spec.description.input.add(), spec.description.input.add(), spec.description.output.add())
    number.name, array.name, output.name = "number", "array", "output"
    number.type.doubleType.SetInParent()
    array.type.multiArrayType.shape.append(2)
    array.type.multiArrayType.dataType = FeatureTypes_pb2.ArrayFeatureType.DOUBLE
    if rows == 1:
        output.type.doubleType.SetInParent()
    else:
        output.type.multiArrayType.shape.append(rows)
        output.type.multiArrayType.dataType = FeatureTypes_pb2.ArrayFeatureType.DOUBLE
    model = spec.glmRegressor
    model.offset.extend(OFFSETS[:rows])
    for row in weights[:rows]:
        model.weights.add().value.extend(row)
    model.postEvaluationTransform = model.PostEvaluationTransform.Value(bend)
    path = folder / "linear.mlmodel"
    path.write_bytes(spec.SerializeToString())
    return path


def predicted(path: Path, values: Mapping[str, object]) -> Mapping[str, object]:
    return Model(bind(read_program(path), TYPED)).predict(values)


BENDS: dict[str, Callable[[float], float]] = {
    "NoTransform": lambda x: x,
    "Logit": lambda x: 1 / (1 + math.exp(-x)),
    "Probit": NormalDist().cdf,
}


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("bend", BENDS)
def test_a_row_is_an_output(tmp_path: Path, rows: int, bend: str) -> None:
    values = {"number": 0.3, "array": np.array([1.7, -0.2])}
    found: Any = predicted(saved(tmp_path, rows, bend), values)["output"]
    x = [0.3, 1.7, -0.2]
    expected = [
        BENDS[bend](math.fsum(a * w for a, w in zip(x, row, strict=True)) + offset)
        for row, offset in zip(WEIGHTS[:rows], OFFSETS[:rows], strict=True)
    ]
    assert isinstance(found, float) == (rows == 1)
    np.testing.assert_allclose(np.atleast_1d(found), expected, rtol=1e-15)


def test_what_is_not_finite_goes_on(tmp_path: Path) -> None:
    found = predicted(saved(tmp_path, 1, "NoTransform"), {"number": math.nan, "array": np.zeros(2)})["output"]
    assert isinstance(found, float)
    assert math.isnan(found)
    found = predicted(saved(tmp_path, 1, "NoTransform"), {"number": math.inf, "array": np.zeros(2)})["output"]
    assert found == math.inf


@pytest.mark.parametrize("weights", [[], [[1.0, 2.0]], [[1.0, 2.0, 3.0, 4.0]]])
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, weights: list[list[float]]) -> None:
    with pytest.raises(FormatError, match="glmRegressor contradicts"):
        read_program(saved(tmp_path, 1, "NoTransform", weights=weights))


@pytest.mark.parametrize("change", ["none", "text", "array of any shape"])
def test_features_that_have_no_product_are_refused(tmp_path: Path, change: str) -> None:
    path = saved(tmp_path, 1, "NoTransform", weights=[[1.0]] if change != "none" else [[]])
    spec = Model_pb2.Model.FromString(path.read_bytes())
    del spec.description.input[:]
    if change != "none":
        feature = spec.description.input.add()
        feature.name = "x"
        if change == "text":
            feature.type.stringType.SetInParent()
        else:
            feature.type.multiArrayType.dataType = FeatureTypes_pb2.ArrayFeatureType.DOUBLE
    path.write_bytes(spec.SerializeToString())
    with pytest.raises(FormatError, match="glmRegressor contradicts"):
        read_program(path)

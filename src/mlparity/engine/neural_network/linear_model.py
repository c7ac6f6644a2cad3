"""A model of the type `glmRegressor`, a generalised linear model, as a program.

It adds the products of features and weights to the offset, and bends the sum by a function. It computes in fp64,
feature after feature (assumed: its weights are fp64, and Core ML runs it on the CPU).
Source: coremltools 9.0, `GLMRegressor.proto`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlparity.engine.mil.interface import read_interface
from mlparity.engine.mil.program import Block, Feature, NamedType, Program, TensorType
from mlparity.engine.neural_network.op_list import OpList, contradiction, program_of_ops

REGRESSOR = "glmRegressor"
"""The model type, by its name in `Model.proto`."""

_LOGIT, _PROBIT = 1, 2
_ARRAY = "multiArrayType"
_NUMBERS = frozenset(("doubleType", "int64Type"))


def regressor_program(path: Path, message: Any) -> Program:
    """Return the program of a `Model` message of the type `glmRegressor`.

    Raises:
        FormatError: the weights do not fit the features or the output of the description.
    """
    model, interface = message.glmRegressor, read_interface(message.description)
    rows = [np.array(row.value, np.float64) for row in model.weights]
    sizes = [_size(feature) for feature in interface.inputs]
    _check_features(path, interface.inputs)
    _check(path, rows, len(model.offset), sum(sizes), interface.outputs)
    inputs = tuple(NamedType(each.name, TensorType("fp64", _shape(each))) for each in interface.inputs)
    (output,) = interface.outputs
    ops = OpList(frozenset(each.name for each in (*interface.inputs, output)), "linear_")
    ends = [
        _bent(ops, place, _sum(ops, place, np.split(row, np.cumsum(sizes)[:-1]), interface.inputs, offset), model)
        for place, (row, offset) in enumerate(zip(rows, model.offset, strict=True))
    ]
    if output.kind in _NUMBERS:
        ops.give("identity", output.name, (), "fp64", x=ends[0])
    else:
        ops.give("stack", output.name, (len(rows),), "fp64", values=ends, axis=0)
    return program_of_ops(path, message, interface, inputs, Block((), tuple(ops.made), (output.name,)))


def _shape(feature: Feature) -> tuple[int, ...]:
    return () if feature.kind in _NUMBERS else tuple(feature.shape)


def _size(feature: Feature) -> int:
    return math.prod(_shape(feature))


def _check_features(path: Path, features: Sequence[Feature]) -> None:
    wrong = [each.name for each in features if not (each.kind in _NUMBERS or _is_fixed_array(each))]
    if wrong or not features:
        found = f"no number and no array of a fixed shape: {', '.join(wrong)}" if wrong else "no features"
        raise contradiction(path, REGRESSOR, found)


def _is_fixed_array(feature: Feature) -> bool:
    return feature.kind == _ARRAY and bool(feature.shape) and not feature.sizes and not feature.choices


def _check(path: Path, rows: Sequence[np.ndarray], offsets: int, size: int, outputs: Sequence[Feature]) -> None:
    found = ""
    if not rows or offsets != len(rows):
        found = f"{len(rows)} rows of weights and {offsets} offsets"
    elif any(row.size != size for row in rows):
        found = f"{', '.join(str(row.size) for row in rows)} weights in a row for {size} numbers of features"
    elif len(outputs) != 1 or (outputs[0].kind in _NUMBERS and len(rows) > 1):
        found = f"{len(rows)} rows of weights for the outputs {', '.join(each.name for each in outputs)}"
    if found:
        raise contradiction(path, REGRESSOR, found)


def _sum(ops: OpList, place: int, weights: Sequence[np.ndarray], features: Sequence[Feature], offset: float) -> str:
    """Add the ops of one row, and return the name of the offset plus its products."""
    total: str | np.ndarray = np.array(offset)
    for number, (feature, held) in enumerate(zip(features, weights, strict=True)):
        shape, name = _shape(feature), f"{place}_{number}"
        product = ops.add("mul", f"product_{name}", "fp64", shape, x=feature.name, y=held.reshape(shape))
        if shape:
            axes = tuple(range(len(shape)))
            product = ops.add("reduce_sum", f"sum_{name}", "fp64", (), x=product, axes=axes, keep_dims=False)
        total = ops.add("add", f"total_{name}", "fp64", (), x=product, y=total)
    return str(total)


def _bent(ops: OpList, place: int, total: str, model: Any) -> str:
    """Add the function of a row's sum, and return the name of its value."""
    if model.postEvaluationTransform == _LOGIT:
        return ops.add("sigmoid", f"logit_{place}", "fp64", (), x=total)
    if model.postEvaluationTransform == _PROBIT:
        scaled = ops.add("mul", f"scaled_{place}", "fp64", (), x=total, y=np.array(math.sqrt(0.5)))
        share = ops.add("erf", f"erf_{place}", "fp64", (), x=scaled)
        raised = ops.add("add", f"raised_{place}", "fp64", (), x=share, y=np.array(1.0))
        return ops.add("mul", f"probit_{place}", "fp64", (), x=raised, y=np.array(0.5))
    return total

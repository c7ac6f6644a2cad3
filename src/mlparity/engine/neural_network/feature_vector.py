"""A model of the type `featureVectorizer`, which joins numbers and arrays into one array, as a program.

It stands before a linear model in the pipelines that coremltools makes of scikit-learn's. Source: coremltools 9.0,
`FeatureVectorizer.proto`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlparity.engine.mil.interface import read_interface
from mlparity.engine.mil.program import Block, Feature, NamedType, Program, TensorType
from mlparity.engine.neural_network.op_list import OpList, contradiction, program_of_ops

VECTORIZER = "featureVectorizer"
"""The model type, by its name in `Model.proto`."""

_ARRAY = "multiArrayType"
_NUMBERS = frozenset(("doubleType", "int64Type"))


def vectorizer_program(path: Path, message: Any) -> Program:
    """Return the program of a `Model` message of the type `featureVectorizer`.

    Raises:
        FormatError: a column is no input, or of another size than that; the output is no array of the sum.
    """
    interface = read_interface(message.description)
    columns = [(str(each.inputColumn), int(each.inputDimensions)) for each in message.featureVectorizer.inputList]
    by_name = {each.name: each for each in interface.inputs}
    output = _checked(path, columns, by_name, interface.outputs)
    inputs = tuple(NamedType(each.name, TensorType("fp64", _shape(each))) for each in interface.inputs)
    ops = OpList(frozenset((*by_name, output)), "column_")
    parts = [
        ops.add("expand_dims", str(place), "fp64", (1,), x=name, axes=(0,)) if by_name[name].kind in _NUMBERS else name
        for place, (name, _) in enumerate(columns)
    ]
    whole = sum(size for _, size in columns)
    ops.give("concat", output, (whole,), "fp64", values=parts, axis=0, interleave=False)
    return program_of_ops(path, message, interface, inputs, Block((), tuple(ops.made), (output,)))


def _shape(feature: Feature) -> tuple[int, ...]:
    return () if feature.kind in _NUMBERS else tuple(feature.shape)


def _checked(
    path: Path, columns: list[tuple[str, int]], inputs: dict[str, Feature], outputs: tuple[Feature, ...]
) -> str:
    """Return the output's name."""
    found = "no columns" if not columns else ""
    for name, size in columns:
        feature = inputs.get(name)
        if feature is None or feature.kind not in (*_NUMBERS, _ARRAY):
            found = f"the column {name!r}, which is no input that is a number or an array"
        elif (_shape(feature) or (1,)) != (size,):
            found = f"{size} numbers of the column {name!r}, an input of the shape {_shape(feature)}"
    whole = sum(size for _, size in columns)
    if len(outputs) != 1 or outputs[0].kind != _ARRAY or tuple(outputs[0].shape) not in ((), (whole,)):
        shapes = ", ".join(f"{each.name} {tuple(each.shape)}" for each in outputs)
        found = found or f"{whole} numbers for the outputs {shapes}"
    if found:
        raise contradiction(path, VECTORIZER, found)
    return outputs[0].name

"""Programs written by hand, for the tests of the runtime."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from mlparity.engine.mil.program import (
    Argument,
    Block,
    Feature,
    Function,
    Interface,
    Name,
    NamedType,
    Op,
    Program,
    TensorType,
    Value,
)
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan

NAMES = {"float32": "fp32", "float16": "fp16", "int32": "int32", "int8": "int8", "bool": "bool"}


def tensor(name: str, dtype: str, *shape: int | None) -> NamedType:
    return NamedType(name, TensorType(dtype, shape))


def constant(data: object) -> Value:
    """Return a constant of a Python value or an array."""
    if isinstance(data, str):
        return Value(TensorType("string", ()), data)
    array = np.asarray(data)
    wide = {"int64": np.int32, "float64": np.float32}.get(array.dtype.name)
    array = array if wide is None else array.astype(wide)
    return Value(TensorType(NAMES[array.dtype.name], array.shape), array)


def op(kind: str, output: NamedType, /, *others: NamedType, **inputs: object) -> Op:
    """Return an op; a text that begins with % is a name, a list of texts is a list of names."""
    return Op(kind, {key: _arguments(value) for key, value in inputs.items()}, (output, *others), output.name)


def _arguments(value: object) -> tuple[Argument, ...]:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(Name(each[1:]) for each in value)
    if isinstance(value, str) and value.startswith("%"):
        return (Name(value[1:]),)
    return (constant(value),)


def program(inputs: tuple[NamedType, ...], ops: tuple[Op, ...], outputs: tuple[str, ...], opset: int = 16) -> Program:
    """Return a program of one function."""
    features: Mapping[str, Feature] = {
        each.name: Feature(each.name, "multiArrayType", each.type.dtype, tuple(s or 1 for s in each.type.shape))
        for each in inputs
        if isinstance(each.type, TensorType) and each.type.shape is not None
    }
    outs = tuple(Feature(name, "multiArrayType") for name in outputs)
    function = Function("main", inputs, opset, Block((), ops, outputs))
    interface = Interface(tuple(features.values()), outs)
    return Program(Path("written by hand"), 7, {"main": function}, {"main": interface}, "main")


def as_tensor(value: object) -> Tensor:
    """Return what a run holds; it must be a tensor."""
    assert isinstance(value, Tensor)
    return value


def as_array(value: object) -> np.ndarray:
    """Return what a prediction gave; it must be an array."""
    assert isinstance(value, np.ndarray)
    return value


def computed(plan: Plan, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the outputs of one run by name, all of them tensors."""
    return {name: as_tensor(each) for name, each in run_plan(plan, inputs).items()}

"""A program written op by op, for models that are no network and no ML Program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlparity.core.errors import FormatError
from mlparity.engine.mil.check import check_function
from mlparity.engine.mil.program import (
    Argument,
    Block,
    Function,
    Interface,
    Name,
    NamedType,
    Op,
    Program,
    TensorType,
    Value,
)

_FUNCTION = "main"
_OPSET = 16

Given = str | list[str] | int | float | bool | tuple[int, ...] | np.ndarray
"""An input of an op: the name of a value, several, or a constant (an array is one of fp64)."""


def program_of_ops(
    path: Path, message: Any, interface: Interface, inputs: tuple[NamedType, ...], block: Block
) -> Program:
    """Return the program of a `Model` message of one block.

    Raises:
        FormatError: the ops contradict each other.
    """
    kind = message.WhichOneof("Type")
    function = Function(_FUNCTION, inputs, _OPSET, block)
    check_function(function, lambda found: contradiction(path, kind, found))
    return Program(
        path=path,
        spec_version=message.specificationVersion,
        functions={_FUNCTION: function},
        interfaces={_FUNCTION: interface},
        default_function=_FUNCTION,
        metadata=dict(message.description.metadata.userDefined),
        kind=kind,
    )


def contradiction(path: Path, kind: str, found: str) -> FormatError:
    """Return the error of a model of a kind that contradicts its own description."""
    return FormatError(
        f"the {kind} contradicts its description",
        where=str(path),
        found=found,
        next_step="the file is corrupt: make it again",
    )


@dataclass(slots=True)
class OpList:
    """The ops so far; names of values that are no feature begin with `prefix`, as no feature's does."""

    features: frozenset[str]
    prefix: str
    made: list[Op] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Choose the prefix."""
        while any(name.startswith(self.prefix) for name in self.features):
            self.prefix += "_"

    def add(self, kind: str, output: str, dtype: str, shape: tuple[int | None, ...], **given: Given) -> str:
        """Add an op with one result, and return its name."""
        return self.several(kind, [(output, dtype, shape)], **given)

    def several(self, kind: str, outputs: Sequence[tuple[str, str, tuple[int | None, ...]]], **given: Given) -> str:
        """Add an op with several results, and return the first one's name."""
        named = tuple(NamedType(self.named(name), TensorType(dtype, shape)) for name, dtype, shape in outputs)
        inputs = {name: _arguments(value) for name, value in given.items()}
        self.made.append(Op(kind, inputs, named, named[0].name))
        return named[0].name

    def named(self, name: str) -> str:
        """Return the name of a value in the program, which no feature has."""
        return f"{self.prefix}{name}"

    def give(self, kind: str, feature: str, shape: tuple[int | None, ...], dtype: str = "fp32", **given: Given) -> None:
        """Add the op whose result is an output of the model."""
        self.add(kind, feature, dtype, shape, **given)
        made = self.made[-1]
        self.made[-1] = replace(made, outputs=(replace(made.outputs[0], name=feature),))


def _arguments(value: Given) -> tuple[Argument, ...]:
    if isinstance(value, str):
        return (Name(value),)
    if isinstance(value, list):
        return tuple(Name(each) for each in value)
    if isinstance(value, np.ndarray):
        return (Value(TensorType("fp64", value.shape), value.astype(np.float64)),)
    array = np.asarray(value)
    kinds = {"b": ("bool", np.bool_), "i": ("int32", np.int32), "f": ("fp32", np.float32)}
    name, held = kinds[array.dtype.kind]
    return (Value(TensorType(name, array.shape), array.astype(held)),)

"""What a function tells of its values before a run: their types, and the constants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mlparity.engine.mil.dtypes import BY_NAME
from mlparity.engine.mil.program import Argument, Function, Name, Op, TensorType, Value, ValueType


@dataclass(frozen=True, slots=True)
class Known:
    """The type of each name, and the values of those that are constants."""

    types: Mapping[str, ValueType]
    constants: Mapping[str, Value]

    def tensor(self, argument: Argument) -> TensorType | None:
        """Return the type of an argument, None where it is no tensor or not known."""
        found = argument.type if isinstance(argument, Value) else self.types.get(argument.name)
        return found if isinstance(found, TensorType) and found.dtype != "string" else None

    def shape(self, op: Op, parameter: str) -> tuple[int | None, ...]:
        """Return the shape of a parameter's first argument, () where it is not known."""
        arguments = op.inputs.get(parameter, ())
        kind = self.tensor(arguments[0]) if arguments else None
        return kind.shape if kind is not None and kind.shape is not None else ()

    def numbers(self, op: Op, parameter: str) -> np.ndarray | None:
        """Return a parameter that is a constant array, None where it is not."""
        arguments = op.inputs.get(parameter, ())
        value = self.constants.get(arguments[0].name) if arguments and isinstance(arguments[0], Name) else None
        value = arguments[0] if arguments and isinstance(arguments[0], Value) else value
        return value.data if value is not None and isinstance(value.data, np.ndarray) else None


def known_of(function: Function) -> Known:
    """Return what a function tells of its values."""
    types: dict[str, ValueType] = {named.name: named.type for named in function.inputs}
    types |= {output.name: output.type for op in function.walk() for output in op.outputs}
    held = {op.outputs[0].name: op.attributes["val"] for op in function.walk() if "val" in op.attributes and op.outputs}
    return Known(types, held)


def weight_bytes(function: Function) -> float:
    """Return what all constants of a function take in a file."""
    values = [argument for op in function.walk() for given in op.inputs.values() for argument in given]
    values += [value for op in function.walk() for value in op.attributes.values()]
    return sum(bytes_of(value.type) or 0.0 for value in values if isinstance(value, Value))


def bytes_of(kind: ValueType | None) -> float | None:
    """Return what a tensor takes, packed; None where a size is not known."""
    if not isinstance(kind, TensorType) or kind.shape is None or kind.dtype not in BY_NAME:
        return None
    sizes = [size for size in kind.shape if size is not None]
    return math.prod(sizes) * BY_NAME[kind.dtype].bits / 8 if len(sizes) == len(kind.shape) else None

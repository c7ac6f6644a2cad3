"""An op function's signature as a schema: which parameters are tensors, and which Python values, made of tensors."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.lists import TensorList
from mlparity.engine.ops.states import State


class Kind(StrEnum):
    """How a parameter receives its value."""

    TENSOR = "tensor"
    TENSORS = "tensors"
    SCALAR = "scalar"
    TUPLE = "tuple"
    LIST = "list"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Schema:
    """The parameters of one op by name, the names without a default, and whether it takes the numerics."""

    kinds: Mapping[str, Kind]
    required: tuple[str, ...]
    takes_num: bool


@cache
def schema_of(fn: Callable[..., object]) -> Schema:
    """Return the schema that the annotations of `fn` state."""
    hints = typing.get_type_hints(fn)
    parameters = {
        name: parameter for name, parameter in inspect.signature(fn).parameters.items() if hints[name] is not Numerics
    }
    kinds = {name: _kind(hints[name]) for name in parameters}
    required = tuple(name for name, parameter in parameters.items() if parameter.default is inspect.Parameter.empty)
    return Schema(kinds, required, takes_num=Numerics in hints.values())


def _kind(hint: object) -> Kind:
    leaves, is_many = _leaves(hint)
    if TensorList in leaves:
        return Kind.LIST
    if State in leaves:
        return Kind.STATE
    if Tensor in leaves:
        return Kind.TENSORS if is_many else Kind.TENSOR
    return Kind.TUPLE if is_many else Kind.SCALAR


def _leaves(hint: object) -> tuple[set[object], bool]:
    origin = typing.get_origin(hint)
    if origin is None:
        return {hint}, False
    parts = [_leaves(part) for part in typing.get_args(hint)]
    leaves = set[object]().union(*(found for found, _ in parts))
    is_sequence = isinstance(origin, type) and issubclass(origin, Sequence)
    return leaves, is_sequence or any(many for _, many in parts)


def python_value(values: Sequence[object], kind: Kind) -> object:
    """Return the Python value of a parameter: a number, a boolean, a string, or (of kind TUPLE) a tuple of them.

    Several values, MIL's list of arguments, become a tuple of their own values.
    """
    if len(values) != 1:
        return tuple(python_value([value], Kind.SCALAR) for value in values)
    data = values[0].tolist() if isinstance(values[0], Tensor | np.ndarray) else values[0]
    if isinstance(data, tuple):
        return tuple(python_value([text], Kind.SCALAR) for text in data)  # a list of MIL: labels
    if isinstance(data, list):
        return _tuples(data) if kind is Kind.TUPLE or len(data) != 1 else data[0]
    return (data,) if kind is Kind.TUPLE else data


def _tuples(data: list[object]) -> tuple[object, ...]:
    return tuple(_tuples(part) if isinstance(part, list) else part for part in data)

"""An op function's signature as a schema: which parameters are tensors, which are Python values."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

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
    parameters = {name: each for name, each in inspect.signature(fn).parameters.items() if hints[name] is not Numerics}
    kinds = {name: _kind(hints[name]) for name in parameters}
    required = tuple(name for name, each in parameters.items() if each.default is inspect.Parameter.empty)
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
    parts = [_leaves(each) for each in typing.get_args(hint)]
    leaves = set[object]().union(*(found for found, _ in parts))
    is_sequence = isinstance(origin, type) and issubclass(origin, Sequence)
    return leaves, is_sequence or any(many for _, many in parts)

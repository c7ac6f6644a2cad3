"""Shapes and small constants of a network before it runs: each op is tried on tensors without data, once a trial.

A network declares the sizes of its inputs alone. Where these are flexible, two choices of them are followed side by
side; a size that comes out the same in both is taken for fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mlparity.engine.neural_network.blob import Trial
from mlparity.engine.numerics import FP32
from mlparity.engine.ops.registry import OpDef
from mlparity.engine.ops.schema import Kind, python_value, schema_of
from mlparity.engine.ops.shape_rules import SHAPE_RULES

KNOWN = 4096
"""Elements up to which the numbers of a constant are followed: more than any shape or list of indices has."""

Fed = Mapping[str, Sequence[Trial] | object]
"""What an op is given in one trial: sequences of values for tensors and numbers alike, by parameter."""


def results_in(definition: OpDef, given: Mapping[str, Sequence[Trial]]) -> tuple[Trial, ...] | None:
    """Return the results of an op in one trial, None where they do not follow from what is known.

    Raises:
        Exception: whatever the op raises for inputs that do not fit.
    """
    schema = schema_of(definition.fn)
    tensors = [each for name, values in given.items() if _is_tensor(schema.kinds[name]) for each in values]
    numbers = [each for name, values in given.items() if not _is_tensor(schema.kinds[name]) for each in values]
    if any(each is None for each in tensors) or any(each is None or _is_meta(each) for each in numbers):
        return None
    if definition.name == "shape":  # whose numbers are known where the shape is
        return tuple(torch.tensor(each.shape, dtype=torch.int32) for each in tensors if each is not None)
    is_known = not any(_is_meta(each) for each in tensors)
    if definition.name in DEPENDENT:
        return _results(definition, given, runs=True) if is_known and _count(definition, tensors) <= KNOWN else None
    shapes = _results(definition, given, runs=False)
    is_small = all(each is None or each.numel() <= KNOWN for each in shapes)
    return _results(definition, given, runs=True) if is_known and is_small else shapes


def _results(definition: OpDef, given: Mapping[str, Sequence[Trial]], *, runs: bool) -> tuple[Trial, ...]:
    """Return the results, with numbers where it `runs`, else as shapes alone."""
    schema = schema_of(definition.fn)
    arguments = {name: _argument(values, schema.kinds[name], runs=runs) for name, values in given.items()}
    if schema.takes_num:
        arguments["num"] = FP32.numerics("fp16")
    fn = definition.fn if runs else SHAPE_RULES.get(definition.name, definition.fn)
    with torch.no_grad():
        result = _ran(fn, arguments)
    results = result if isinstance(result, tuple | list) else (result,)
    return tuple(_kept(each, runs=runs) for each in results)


def _count(definition: OpDef, tensors: Sequence[Trial]) -> float:
    """Return how many elements an op of `DEPENDENT` gives at most."""
    numbers = [float(each) for each in tensors if each is not None and each.numel() == 1]
    if definition.name != "range_1d" or len(numbers) != 3:
        return sum(each.numel() for each in tensors if each is not None)
    start, end, step = numbers
    return abs(end - start) / abs(step) if step else 0.0


DEPENDENT = frozenset({"non_zero", "range_1d"})
"""Ops whose result has a shape that depends on values."""


def _ran(fn: Callable[..., object], arguments: dict[str, object]) -> object:
    """Return what `fn` gives; what cannot run without data runs on ones, and on indices 0."""
    try:
        return fn(**arguments)
    except (RuntimeError, NotImplementedError, TypeError):
        filled = {name: _filled(value) for name, value in arguments.items()}
        return fn(**filled)


def _filled(value: object) -> object:
    if isinstance(value, list):
        return [_filled(each) for each in value]
    if not isinstance(value, Tensor) or not value.is_meta:
        return value
    number = torch.ones if value.is_floating_point() else torch.zeros
    return number((), dtype=value.dtype).expand(value.shape)


def _is_tensor(kind: Kind) -> bool:
    return kind in (Kind.TENSOR, Kind.TENSORS)


def _is_meta(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_meta


def _argument(values: Sequence[Trial], kind: Kind, *, runs: bool) -> object:
    if not _is_tensor(kind):
        return python_value(values, kind)
    moved = [each if runs or each is None else each.to("meta") for each in values]
    return moved if kind is Kind.TENSORS else moved[0]


def _kept(value: object, *, runs: bool) -> Trial:
    if not isinstance(value, Tensor):
        return None
    return value if runs else value.to("meta")


def common_shape(trials: Sequence[Trial]) -> tuple[int | None, ...] | None:
    """Return the sizes on which all trials agree, None for others; None where the rank is not known."""
    shapes = [tuple(each.shape) for each in trials if each is not None]
    if not shapes or len({len(shape) for shape in shapes}) != 1:
        return None
    is_whole = len(shapes) == len(trials)
    return tuple(sizes[0] if is_whole and len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True))

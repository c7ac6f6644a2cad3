"""Declared shapes against computed ones, before any memory is taken: the steps run on tensors without data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from mlparity.core.errors import FormatError, MlparityError
from mlparity.engine.mil.program import Function, TensorType, ValueType
from mlparity.engine.numerics import Profile
from mlparity.engine.numerics.numerics import IDEAL
from mlparity.engine.ops.shape_rules import SHAPE_RULES
from mlparity.engine.runtime.interpret import run_step
from mlparity.engine.runtime.plan import Slots, Step, Store
from mlparity.engine.runtime.tensors import storage_dtype, widened

_META = torch.device("meta")


def check_shapes(
    function: Function, steps: tuple[Step, ...], constants: Mapping[int, object], count: int, profile: Profile
) -> None:
    """Raise where an op's result has another shape than the program declares.

    An op whose shape depends on data, or that cannot run without data, is taken at its declared shape; where that is
    open, what follows from it is not checked.

    Raises:
        FormatError: a declared shape is wrong; without this check a corrupt file could ask for any amount of memory.
    """
    slots: Slots = [None] * count
    for slot, named in enumerate(function.inputs):
        slots[slot] = _declared(named.type, profile)
    for slot, value in constants.items():
        slots[slot] = widened(value.to(_META), profile.compute) if isinstance(value, Tensor) else value
    for step in steps:
        _check_step(step, slots, profile)


def _check_step(step: Step, slots: Slots, profile: Profile) -> None:
    computed = step.definition.pure and _is_known(step, slots) and _ran(step, slots)
    for store in step.stores:
        if computed:
            _check(step, store, slots[store.slot])
        else:
            slots[store.slot] = _declared(store.output.type, profile)


def _ran(step: Step, slots: Slots) -> bool:
    try:
        with torch.no_grad():
            run_step(_for_shapes(step), slots)
    except (MlparityError, RuntimeError):
        return False
    return True


def _for_shapes(step: Step) -> Step:
    """Return a step that gives the same shapes: exact sums look at the numbers, which are not there."""
    numerics = None if step.numerics is None else replace(step.numerics, arithmetic=IDEAL)
    return replace(step, fn=SHAPE_RULES.get(step.op.type, step.fn), numerics=numerics)


def _is_known(step: Step, slots: Slots) -> bool:
    return all(slots[slot] is not None for feed in step.feeds for slot in feed.slots)


def _declared(declared: ValueType, profile: Profile) -> Tensor | None:
    if not isinstance(declared, TensorType) or declared.shape is None or declared.dtype == "string":
        return None
    sizes = [size for size in declared.shape if size is not None]
    if len(sizes) != len(declared.shape) or any(size < 0 for size in sizes):
        return None
    return torch.empty(sizes, dtype=storage_dtype(declared.dtype, profile.compute), device=_META)


def _check(step: Step, store: Store, result: object) -> None:
    declared = store.output.type
    if not isinstance(result, Tensor) or not isinstance(declared, TensorType) or declared.shape is None:
        return
    found = tuple(result.shape)
    fits = len(found) == len(declared.shape) and all(
        size is None or size == actual for size, actual in zip(declared.shape, found, strict=True)
    )
    if not fits:
        raise FormatError(
            f"the op {step.op.type!r} gives another shape than the program declares",
            where=f"op {step.op.location!r}",
            found=f"{store.output.name} {list(found)}",
            expected=str(declared),
            next_step="the file is corrupt, or the engine is at fault: convert again, or report it",
        )

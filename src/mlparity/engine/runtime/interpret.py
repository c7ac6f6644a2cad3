"""The loop: run a plan's steps, store each result, free values at their last use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from mlparity.core.errors import ExecutionError, MlparityError
from mlparity.engine.mil.program import Op
from mlparity.engine.runtime.plan import Feed, Plan, Slots, Step, Store
from mlparity.engine.runtime.schema import Kind
from mlparity.engine.runtime.tensors import python_value

Tap = Callable[[Op, str, object], None]
"""Called with each op, the name of its result, and the result as it was stored."""


def run_plan(plan: Plan, inputs: Mapping[str, Tensor], tap: Tap | None = None) -> dict[str, object]:
    """Return the outputs of one run by name, as the tensors that hold them (see `tensors.held_type`).

    `inputs` maps each input's name to a tensor in its held type, on the plan's device. The gradient flows through
    where the caller enables it.

    Raises:
        ExecutionError: an op refused its inputs; the text names the op and its location.
    """
    return run_stateful(plan, inputs, {}, tap)[0]


def run_stateful(
    plan: Plan, inputs: Mapping[str, Tensor], states: Mapping[str, Tensor], tap: Tap | None = None
) -> tuple[dict[str, object], dict[str, Tensor]]:
    """Return the outputs, and what each state holds after the run; a state that is not given starts at zero.

    Raises:
        ExecutionError: as `run_plan`.
    """
    slots: Slots = list(plan.initial)
    for name, (slot, _) in plan.inputs.items():
        slots[slot] = inputs[name]
    for name, each in plan.states.items():
        slots[each.first] = states[name] if name in states else each.zeros(plan.device)
    run_steps(plan.steps, plan.initial, slots, tap)
    outputs = {name: slots[slot] for name, (slot, _) in plan.outputs.items()}
    return outputs, {name: cast("Tensor", slots[each.last]) for name, each in plan.states.items()}


def run_steps(steps: Sequence[Step], initial: Sequence[object], slots: Slots, tap: Tap | None = None) -> None:
    """Run `steps` in place, and bring each slot back to what `initial` holds at its last use."""
    for step in steps:
        run_step(step, slots)
        if tap is not None:
            for store in step.stores:
                tap(step.op, store.output.name, slots[store.slot])
        for slot in step.frees:
            slots[slot] = initial[slot]


def run_step(step: Step, slots: Slots) -> None:
    """Run one step in place: read its feeds from `slots`, write its results there."""
    values = {feed.parameter: _value(feed, slots) for feed in step.feeds}
    try:
        result = step.fn(**step.constants, **values)
    except MlparityError:
        raise
    except Exception as error:  # torch and numpy raise many types for inputs that do not fit
        raise _refused(step, values, error) from error
    results = result if isinstance(result, tuple | list) and len(step.stores) > 1 else (result,)
    if len(results) != len(step.stores):
        raise _refused(step, values, ValueError(f"{len(results)} results for {len(step.stores)} declared outputs"))
    for store, each in zip(step.stores, results, strict=True):
        slots[store.slot] = stored(store, each)


def _value(feed: Feed, slots: Slots) -> object:
    if feed.kind in (Kind.TENSOR, Kind.LIST, Kind.STATE):
        return slots[feed.slots[0]]
    if feed.kind is Kind.TENSORS:
        return [slots[slot] for slot in feed.slots]
    return python_value([slots[slot] for slot in feed.slots], feed.kind)


def stored(store: Store, result: object) -> object:
    """Return a result as its store keeps it: in the held type, and rounded where the store rounds."""
    if store.held is None or not isinstance(result, Tensor):
        return result
    if store.in_place and store.numerics is not None:
        return store.numerics.store_in_place(result)
    if store.numerics is not None:
        return store.numerics.store(result if result.is_floating_point() else result.to(store.held))
    return result if result.dtype is store.held else result.to(store.held)


def _refused(step: Step, values: Mapping[str, object], error: Exception) -> ExecutionError:
    shapes = ", ".join(
        f"{name} {list(value.shape)}" for name, value in values.items() if isinstance(value, torch.Tensor)
    )
    return ExecutionError(
        f"the op {step.op.type!r} could not run: {error}",
        where=f"op {step.op.location!r}",
        found=shapes,
        next_step="check the inputs' shapes; if they are right, the model or the engine is at fault: report it",
    )

"""A run in which chosen ops are exact, or chosen values are given: what of a difference goes away with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from mlparity.diagnose.distance import Tensors
from mlparity.engine.runtime.interpret import run_step
from mlparity.engine.runtime.plan import Plan, Slots, Step


def run_with_exact(
    numerics: Plan, exact: Plan, values: Mapping[int, object], places: Collection[int]
) -> tuple[dict[str, Tensor], dict[int, object]]:
    """Return the outputs, and the new values by slot, of a run in which the steps at `places` are exact.

    An exact result is passed on as it is, not rounded. What comes before the first of `places` is taken from `values`,
    the results of an earlier run of `numerics`.
    """
    first = min(places)
    slots = _until(numerics, values, first)
    made: dict[int, object] = {}
    with torch.no_grad():
        for place in range(first, len(numerics.steps)):
            step = numerics.steps[place]
            if place in places:
                _run_exactly(numerics, exact, exact.steps[place], slots)
            else:
                run_step(step, slots)
            made.update({store.slot: slots[store.slot] for store in step.stores})
    return _outputs(numerics, slots), made


def run_with_values(plan: Plan, values: Mapping[int, object], given: Mapping[int, Tensor]) -> dict[int, object]:
    """Return all values by slot of a run in which the slots of `given` hold these tensors in place of their results."""
    first = min(place for place, step in enumerate(plan.steps) for store in step.stores if store.slot in given)
    slots = _until(plan, values, first)
    made = dict(values)
    with torch.no_grad():
        for step in plan.steps[first:]:
            run_step(step, slots)
            for store in step.stores:
                slots[store.slot] = given.get(store.slot, slots[store.slot])
                made[store.slot] = slots[store.slot]
    return made


def values_of(plan: Plan, inputs: Tensors) -> dict[int, object]:
    """Return every result of a run by slot, inputs included; states start at zero."""
    slots: Slots = list(plan.initial)
    made: dict[int, object] = {}
    for name, (slot, _) in plan.inputs.items():
        slots[slot] = made[slot] = inputs[name]
    for state in plan.states.values():
        slots[state.first] = made[state.first] = state.zeros(plan.device)
    with torch.no_grad():
        for step in plan.steps:
            run_step(step, slots)
            made.update({store.slot: slots[store.slot] for store in step.stores})
    return made


def outputs_of(plan: Plan, values: Mapping[int, object]) -> dict[str, Tensor]:
    """Return the outputs among the values of a run; one that is a constant comes from the plan."""
    return _outputs(plan, _until(plan, values, len(plan.steps)))


def _until(plan: Plan, values: Mapping[int, object], first: int) -> Slots:
    """Return the slots as they are before the step at `first`."""
    slots: Slots = list(plan.initial)
    for slot in (*(slot for slot, _ in plan.inputs.values()), *(state.first for state in plan.states.values())):
        slots[slot] = values[slot]
    for step in plan.steps[:first]:
        for store in step.stores:
            slots[store.slot] = values[store.slot]
    return slots


def exact_results(exact: Plan, values: Mapping[int, object], place: int) -> list[object]:
    """Return what a step gives exactly on the inputs that it has among `values`."""
    wide = _fed(exact, exact.steps[place], values)
    return [wide[store.slot] for store in exact.steps[place].stores]


def _run_exactly(numerics: Plan, exact: Plan, step: Step, slots: Slots) -> None:
    wide = _fed(exact, step, dict(enumerate(slots)))
    for store in step.stores:
        slots[store.slot] = _held(wide[store.slot], numerics.profile.compute)


def _fed(exact: Plan, step: Step, values: Mapping[int, object]) -> Slots:
    """Return exact slots after one step, run on `values`; constants come from the exact plan."""
    wide: Slots = list(exact.initial)
    for feed in step.feeds:
        for slot in feed.slots:
            if wide[slot] is None:
                wide[slot] = _held(values[slot], exact.profile.compute)
    with torch.no_grad():
        run_step(step, wide)
    return wide


def _held(value: object, compute: torch.dtype) -> object:
    return value.to(compute) if isinstance(value, Tensor) and value.is_floating_point() else value


def _outputs(plan: Plan, slots: Slots) -> dict[str, Tensor]:
    return {name: each for name, (slot, _) in plan.outputs.items() if isinstance(each := slots[slot], Tensor)}

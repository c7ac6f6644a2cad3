"""A run in which chosen ops are exact, or chosen values are given: what of a difference goes away with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from mlparity.core.budget import check_budget, count_run
from mlparity.diagnose.distance import Tensors
from mlparity.engine.runtime.frame import Frame
from mlparity.engine.runtime.plan import Plan, Step


def run_with_exact(
    numerics: Plan, exact: Plan, values: Mapping[int, object], indices: Collection[int]
) -> tuple[dict[str, Tensor], dict[int, object]]:
    """Return the outputs, and the new values by slot, of a run in which the steps at `indices` are exact.

    An exact result is passed on as it is, not rounded. What comes before the first of `indices` is taken from `values`,
    the results of an earlier run of `numerics`.
    """
    count_run()
    first = min(indices)
    frame = Frame.resumed(numerics, values, first)
    made: dict[int, object] = {}

    def keep(index: int, step: Step) -> None:
        check_budget()
        if index in indices:
            results = _results(exact, index, dict(enumerate(frame.slots)))
            frame.put({slot: _held(value, numerics.profile.compute) for slot, value in results.items()})
        made.update(frame.values(store.slot for store in step.stores))

    with torch.no_grad():
        frame.run(keep, first)
    return _tensors(frame.outputs(numerics)), made


def run_with_values(plan: Plan, values: Mapping[int, object], given: Mapping[int, Tensor]) -> dict[int, object]:
    """Return all values by slot of a run in which the slots of `given` hold these tensors instead of their results."""
    count_run()
    first = min(index for index, step in enumerate(plan.steps) for store in step.stores if store.slot in given)
    frame = Frame.resumed(plan, values, first)
    made = dict(values)

    def replace_given(_: int, step: Step) -> None:
        check_budget()
        slots = [store.slot for store in step.stores]
        frame.put({slot: given[slot] for slot in slots if slot in given})
        made.update(frame.values(slots))

    with torch.no_grad():
        frame.run(replace_given, first)
    return made


def values_of(plan: Plan, inputs: Tensors) -> dict[int, object]:
    """Return every result of a run by slot, inputs included; states start at zero."""
    count_run()
    frame = Frame.of(plan, inputs)
    made = frame.values(plan.given)

    def keep(_: int, step: Step) -> None:
        check_budget()
        made.update(frame.values(store.slot for store in step.stores))

    with torch.no_grad():
        frame.run(keep)
    return made


def outputs_of(plan: Plan, values: Mapping[int, object]) -> dict[str, Tensor]:
    """Return the outputs among the values of a run; one that is a constant comes from the plan."""
    return _tensors(Frame.resumed(plan, values, len(plan.steps)).outputs(plan))


def exact_results(exact: Plan, values: Mapping[int, object], index: int) -> list[object]:
    """Return what a step gives exactly on the inputs that it has among `values`."""
    return [*_results(exact, index, values).values()]


def _results(exact: Plan, index: int, values: Mapping[int, object]) -> dict[int, object]:
    """Return what one step of the exact plan makes of `values`, by slot; constants come from the plan."""
    frame, step = Frame(exact.steps, exact.initial), exact.steps[index]
    fed = (slot for feed in step.feeds for slot in feed.slots if exact.initial[slot] is None)
    frame.put({slot: _held(values[slot], exact.profile.compute) for slot in fed})
    with torch.no_grad():
        frame.step(index)
    return frame.values(store.slot for store in step.stores)


def _held(value: object, compute: torch.dtype) -> object:
    return value.to(compute) if isinstance(value, Tensor) and value.is_floating_point() else value


def _tensors(outputs: Mapping[str, object]) -> dict[str, Tensor]:
    return {name: value for name, value in outputs.items() if isinstance(value, Tensor)}

"""The first ops of a graph that only scale, shift or turn an input: what they do, taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from mlparity.diagnose.distance import Tensors
from mlparity.diagnose.preprocessing import CHANGES_OF_INPUTS
from mlparity.engine.mil.program import Op
from mlparity.engine.runtime.plan import Plan, Step

_LONGEST = 3


@dataclass(frozen=True, slots=True, eq=False)
class UndoneOps:
    """Ops that change an input, and all inputs such that the rest of the graph sees what it saw without them."""

    input: str
    ops: tuple[Op, ...]
    inputs: Tensors


def undone_ops(plan: Plan, inputs: Tensors) -> Iterator[UndoneOps]:
    """Yield the runs of neighbouring ops by which a graph first changes its inputs, each taken away."""
    for name, (slot, _) in plan.inputs.items():
        value = inputs.get(name)
        changes = [] if value is None or not value.is_floating_point() else _changes(plan, slot)
        for first, last in combinations(range(len(changes) + 1), 2):
            assert value is not None  # noqa: S101 - there are no changes without one
            other = _without(value, changes[:first], changes[first:last])
            if bool(torch.isfinite(other).all()):
                ops = tuple(change.step.op for change in changes[first:last])
                yield UndoneOps(name, ops, {**inputs, name: other})


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """An op of one value and a constant: the parameter that takes the value, and all its other arguments."""

    step: Step
    parameter: str
    others: Mapping[str, object]

    def done(self, value: Tensor) -> Tensor:
        result = self.step.fn(**{self.parameter: value}, **self.others)
        assert isinstance(result, Tensor)  # noqa: S101 - an op of one tensor and a constant gives a tensor
        return result

    def undone(self, value: Tensor) -> Tensor:
        kind, is_left = self.step.op.type, self.parameter == "x"
        if kind == "reverse":
            return self.done(value)
        other = self.others["y" if is_left else "x"]
        assert isinstance(other, Tensor)  # noqa: S101 - see `_change`
        if kind == "add":
            return value - other
        if kind == "sub":
            return value + other if is_left else other - value
        if kind == "mul":
            return value / other
        return value * other if is_left else other / value


def _without(value: Tensor, before: Sequence[_Change], taken: Sequence[_Change]) -> Tensor:
    """Return the input of which `before` and `taken` make what `before` alone makes of `value`."""
    wanted = value
    for change in before:
        wanted = change.done(wanted)
    for change in (*reversed(taken), *reversed(before)):
        wanted = change.undone(wanted)
    return wanted


def _changes(plan: Plan, slot: int) -> list[_Change]:
    """Return the first ops that an input goes through alone, one after the other."""
    found: list[_Change] = []
    while len(found) < _LONGEST:
        readers = [step for step in plan.steps if any(slot in feed.slots for feed in step.feeds)]
        change = _change(plan, readers[0], slot) if len(readers) == 1 else None
        if change is None:
            break
        found.append(change)
        slot = change.step.stores[0].slot
    return found


def _change(plan: Plan, step: Step, slot: int) -> _Change | None:
    """Return a step as a change of the value in a slot; None where it is none, or reads other values of a run."""
    feeds = [feed for feed in step.feeds if slot in feed.slots]
    constants = {feed.parameter: plan.initial[feed.slots[0]] for feed in step.feeds if feed not in feeds}
    if step.op.type not in CHANGES_OF_INPUTS or len(feeds) != 1 or any(each is None for each in constants.values()):
        return None
    others = {**step.arguments, **constants}
    parameter = feeds[0].parameter
    is_whole = step.op.type == "reverse" or isinstance(others.get("y" if parameter == "x" else "x"), Tensor)
    return _Change(step, parameter, others) if is_whole else None

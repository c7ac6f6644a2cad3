"""What moving a program's constants may do to its outputs: drawn at random, and to first order by constant.

What the constants were before they were stored is not known: each stands for all numbers of an interval around it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from mlparity.diagnose.distance import Tensors, directions
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan


class Interval(NamedTuple):
    """What each number of a constant stands for: how wide that is, 0 where it is exact, and where its centre is.

    `centre` is counted from the number itself.
    """

    width: Tensor
    centre: Tensor | float = 0.0


Intervals = Mapping[int, Interval]
"""By the slots of constants."""


def moved(plan: Plan, intervals: Intervals, seed: int) -> Plan:
    """Return the plan with each of these constants moved within its interval; the draw is that of `seed`."""
    draw = torch.Generator().manual_seed(seed)
    values = list(plan.initial)
    for slot, (width, centre) in intervals.items():
        value = values[slot]
        if isinstance(value, Tensor):
            values[slot] = value + centre + (torch.rand(value.shape, generator=draw, dtype=value.dtype) - 0.5) * width
    return replace(plan, initial=tuple(values))


def shares(plan: Plan, intervals: Intervals, inputs: Tensors, expected: Tensors) -> Mapping[int, float]:
    """Return, by the index of the step that first reads it, each constant's part of what moving all may do.

    To first order, along the difference of the outputs from `expected`: the parts are those of the expected square,
    and add up to 1. Empty where no gradient reaches a constant, or there is no difference.
    """
    found = gradients(plan, list(intervals), inputs, expected)
    squares = {
        slot: float((gradient * intervals[slot].width).square().sum(dtype=torch.float64))
        for slot, gradient in found.items()
    }
    return by_step(plan, squares)


def gradients(plan: Plan, slots: Sequence[int], inputs: Tensors, expected: Tensors) -> dict[int, Tensor]:
    """Return the gradient of the distance from `expected` by each of these constants, from one run and one back.

    Empty where no gradient reaches a constant, or there is no difference.
    """
    constants = {slot: plan.initial[slot] for slot in slots}
    leaves = {
        slot: value.detach().clone().requires_grad_() for slot, value in constants.items() if isinstance(value, Tensor)
    }
    initial = tuple(leaves.get(slot, value) for slot, value in enumerate(plan.initial))
    with torch.enable_grad():
        found = run_plan(replace(plan, initial=initial), inputs)
    outputs = {name: output for name, output in found.items() if isinstance(output, Tensor) and output.requires_grad}
    ways = directions({name: output.detach() for name, output in outputs.items()}, {n: expected[n] for n in outputs})
    if not ways or not leaves:
        return {}
    found_gradients = torch.autograd.grad(
        [outputs[name] for name in ways], list(leaves.values()), list(ways.values()), allow_unused=True
    )
    pairs = zip(leaves, found_gradients, strict=True)
    return {slot: gradient for slot, gradient in pairs if gradient is not None}


def by_step(plan: Plan, squares: Mapping[int, float]) -> dict[int, float]:
    """Return, by the index of the step that first reads it, each constant's part of the sum of squares."""
    whole = sum(squares.values())
    parts: dict[int, float] = {}
    left = dict(squares)
    for index, step in enumerate(plan.steps):
        for slot in (slot for feed in step.feeds for slot in feed.slots if slot in left):
            parts[index] = parts.get(index, 0.0) + left.pop(slot) / whole if whole else 0.0
    return parts

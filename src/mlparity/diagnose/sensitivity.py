"""How much the outputs move with each weight of a program: one run and one run back for a sample."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mlparity.diagnose.distance import Tensors, scale_of
from mlparity.engine.mil.program import Name
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan

_SEED = 0


def weight_slots(plan: Plan, names: Collection[str]) -> dict[str, int]:
    """Return the slots of a plan's constants with these names."""
    found: dict[str, int] = {}
    for step in plan.steps:
        for feed in step.feeds:
            given = (each.name for each in step.op.inputs.get(feed.parameter, ()) if isinstance(each, Name))
            for slot, name in zip(feed.slots, given, strict=False):
                value = plan.initial[slot]
                if name in names and isinstance(value, Tensor) and value.is_floating_point():
                    found.setdefault(name, slot)
    return found


def sensitivities(plan: Plan, slots: Mapping[str, int], samples: Sequence[Tensors]) -> dict[str, Tensor]:
    """Return for each weight the mean square of what moving each of its numbers by 1 moves the outputs by.

    To first order, for moves that have nothing to do with each other: along outputs of random signs, a gradient's
    square is in the mean the sum of the squares of all outputs' gradients. Outputs count by their own scale.
    """
    draw = torch.Generator().manual_seed(_SEED)
    totals = {name: torch.zeros_like(_tensor(plan, slot), dtype=torch.float64) for name, slot in slots.items()}
    for inputs in samples:
        for name, gradient in _gradients(plan, slots, inputs, draw).items():
            totals[name] += gradient.double().square() / len(samples)
    return totals


def _gradients(plan: Plan, slots: Mapping[str, int], inputs: Tensors, draw: torch.Generator) -> dict[str, Tensor]:
    leaves = {name: _tensor(plan, slot).detach().clone().requires_grad_() for name, slot in slots.items()}
    initial = list(plan.initial)
    for name, slot in slots.items():
        initial[slot] = leaves[name]
    with torch.enable_grad():
        found = run_plan(replace(plan, initial=tuple(initial)), inputs)
    outputs = [value for value in found.values() if isinstance(value, Tensor) and value.requires_grad]
    if not outputs:
        return {}
    ways = [_signs(value, draw) / (scale_of(value) * value.numel() ** 0.5) for value in outputs]
    gradients = torch.autograd.grad(outputs, list(leaves.values()), ways, allow_unused=True)
    pairs = zip(leaves, gradients, strict=True)
    return {name: gradient.nan_to_num(0.0) for name, gradient in pairs if gradient is not None}


def _signs(value: Tensor, draw: torch.Generator) -> Tensor:
    return (torch.randint(0, 2, value.shape, generator=draw) * 2 - 1).to(value.dtype)


def _tensor(plan: Plan, slot: int) -> Tensor:
    value = plan.initial[slot]
    assert isinstance(value, Tensor)  # noqa: S101 - see `weight_slots`
    return value

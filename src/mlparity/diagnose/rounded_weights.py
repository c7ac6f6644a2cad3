"""What rounding a program's constants to fp16 may do to its outputs: drawn at random, and to first order by constant.

What the constants were before is not known. Each rounding moved a number by up to half its last place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from mlparity.diagnose.distance import Tensors, directions
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.plan import Plan

_PLACES, _LEAST_EXPONENT, _LOW = 11, -13, 0x3F
"""fp16's significant bits, the least exponent of a normal number's fraction in 0.5..1, and its last six bits."""


def moved_by_rounding(plan: Plan, seed: int) -> Plan:
    """Return the plan of an fp16 program with each constant moved by up to half its last place.

    Numbers of five or fewer significant bits stay, for most of them were exact before. Constants that no fp16 holds
    stay too. The draw is that of `seed`.
    """
    draw = torch.Generator().manual_seed(seed)
    return replace(plan, initial=tuple(_moved(value, draw) for value in plan.initial))


def rounding_shares(plan: Plan, inputs: Tensors, expected: Tensors) -> Mapping[int, float]:
    """Return, by the index of the step that first reads it, each constant's part of what rounding all may do.

    To first order, along the difference of the outputs from `expected`: the parts are those of the expected square,
    and add up to 1. Empty where no gradient reaches a constant, or there is no difference.
    """
    constants = {slot: value for slot, value in enumerate(plan.initial) if isinstance(value, Tensor)}
    moves = {slot: unit for slot, value in constants.items() if (unit := _last_place(value)) is not None}
    leaves = {slot: constants[slot].detach().clone().requires_grad_() for slot in moves}
    initial = tuple(leaves.get(slot, value) for slot, value in enumerate(plan.initial))
    with torch.enable_grad():
        found = run_plan(replace(plan, initial=initial), inputs)
    outputs = {name: output for name, output in found.items() if isinstance(output, Tensor) and output.requires_grad}
    ways = directions({name: output.detach() for name, output in outputs.items()}, {n: expected[n] for n in outputs})
    if not ways or not leaves:
        return {}
    gradients = torch.autograd.grad(
        [outputs[name] for name in ways], list(leaves.values()), list(ways.values()), allow_unused=True
    )
    squares = {
        slot: float((gradient * unit).square().sum(dtype=torch.float64))
        for (slot, unit), gradient in zip(moves.items(), gradients, strict=True)
        if gradient is not None
    }
    return _by_step(plan, squares)


def _by_step(plan: Plan, squares: Mapping[int, float]) -> dict[int, float]:
    whole = sum(squares.values())
    shares: dict[int, float] = {}
    left = dict(squares)
    for index, step in enumerate(plan.steps):
        for slot in (slot for feed in step.feeds for slot in feed.slots if slot in left):
            shares[index] = shares.get(index, 0.0) + left.pop(slot) / whole if whole else 0.0
    return shares


def _moved(value: object, draw: torch.Generator) -> object:
    unit = _last_place(value) if isinstance(value, Tensor) else None
    if not isinstance(value, Tensor) or unit is None:
        return value
    return value + (torch.rand(value.shape, generator=draw, dtype=value.dtype) - 0.5) * unit


def _last_place(value: Tensor) -> Tensor | None:
    """Return the last place of each number, 0 of short ones; None where these are no numbers of fp16."""
    if not value.is_floating_point() or not value.numel():
        return None
    half = value.detach().to(torch.float16)
    if not torch.equal(half.to(value.dtype), value.detach()):
        return None
    exponent = torch.frexp(half.float()).exponent.clamp(min=_LEAST_EXPONENT)
    unit = torch.ldexp(torch.ones_like(value), exponent - _PLACES)
    return torch.where((half.view(torch.int16) & _LOW) == 0, 0.0, unit)

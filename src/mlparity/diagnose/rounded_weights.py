"""Constants that were rounded to fp16: each stands for the numbers within half its last place."""

from __future__ import annotations

import torch
from torch import Tensor

from mlparity.diagnose.moved_weights import Interval, Intervals
from mlparity.engine.runtime.plan import Plan

_PLACES, _LEAST_EXPONENT, _LOW = 11, -13, 0x3F
"""fp16's significant bits, the least exponent of a normal number's fraction in 0.5..1, and its last six bits."""


def rounding_intervals(plan: Plan) -> Intervals:
    """Return the last places of the constants of an fp16 program.

    Numbers of five or fewer significant bits stay, for most of them were exact before. Constants that no fp16 holds
    are left out.
    """
    constants = {slot: value for slot, value in enumerate(plan.initial) if isinstance(value, Tensor)}
    return {slot: Interval(unit) for slot, value in constants.items() if (unit := _last_place(value)) is not None}


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

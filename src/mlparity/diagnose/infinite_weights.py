"""Constants that fp16 cannot hold."""

from __future__ import annotations

import torch
from torch import Tensor

from mlparity.engine.runtime.plan import Plan, Step


def infinite_constants(plan: Plan) -> tuple[Step, ...]:
    """Return the steps that read a constant tensor with an infinite element, in order."""
    bad = {
        slot
        for slot, value in enumerate(plan.initial)
        if isinstance(value, Tensor) and value.is_floating_point() and bool(torch.isinf(value).any())
    }
    return tuple(step for step in plan.steps if any(slot in bad for feed in step.feeds for slot in feed.slots))

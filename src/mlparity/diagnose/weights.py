"""What a plan's constants tell by themselves: which are infinite, which were compressed."""

from __future__ import annotations

import torch
from torch import Tensor

from mlparity.engine.mil.program import Name, Op
from mlparity.engine.runtime.plan import Plan, Step


def infinite_constants(plan: Plan) -> tuple[Step, ...]:
    """Return the steps that read a constant tensor with an infinite element, in order."""
    bad = {
        slot
        for slot, value in enumerate(plan.initial)
        if isinstance(value, Tensor) and value.is_floating_point() and bool(torch.isinf(value).any())
    }
    return tuple(step for step in plan.steps if any(slot in bad for feed in step.feeds for slot in feed.slots))


def reads_compressed(plan: Plan, op: Op) -> bool:
    """Tell whether an op reads weights that are stored in fewer bits: quantised, palettised or sparse."""
    compressed = {output.name for each in _compressed(plan) for output in each.outputs}
    return any(isinstance(each, Name) and each.name in compressed for given in op.inputs.values() for each in given)


def has_compressed(plan: Plan) -> bool:
    """Tell whether a program holds weights in fewer bits."""
    return bool(_compressed(plan))


def _compressed(plan: Plan) -> list[Op]:
    ops = plan.function.body.ops
    return [op for op in ops if op.type.startswith("constexpr_") and op.type != "constexpr_cast"]

"""The ops of MIL's control-flow family that compute on tensors; blocks, lists and constants are the runtime's.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/control_flow.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("select", rounding=Rounding.NONE)
def select(cond: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Take each element from `a` where `cond` holds, and from `b` elsewhere; the three broadcast."""
    return torch.where(cond.to(torch.bool), a, b)

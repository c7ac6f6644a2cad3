"""Whether the compiled kernels are used: they are, on the processor, unless the environment says no."""

from __future__ import annotations

import os

import torch

SWITCH = "MLPARITY_KERNELS"
"""The variable that turns them off, where it is `off`: PyTorch's own ops then give the same bits, more slowly."""


def uses_kernels(device: torch.device) -> bool:
    """Return whether numbers on a device go through the compiled kernels; it is asked for at each use."""
    return device.type == "cpu" and os.environ.get(SWITCH, "").strip().lower() != "off"

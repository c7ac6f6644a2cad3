"""Declares the operators that a torchvision built for CUDA lacks beside a CPU build of torch, so that it imports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# torchvision/_meta_registrations.py asks for these two unconditionally, and for the others only if its library loaded.
# Source: https://github.com/pytorch/vision/blob/main/torchvision/_meta_registrations.py
SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
NAMES = ("nms", "qnms")

_library = torch.library.Library("torchvision", "FRAGMENT")


@contextmanager
def declared() -> Iterator[None]:
    """Declare what is missing; a second time, or beside a torchvision that works, do nothing."""
    for name in NAMES:
        if not hasattr(torch.ops.torchvision, name):
            _library.define(name + SIGNATURE)
    yield

"""What a unit does to single ops apart from its arithmetic."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_SIXTEENTH_OF_LARGEST = 65520.0 / 16


def crop_times_sixteen(crop: Callable[..., Tensor], *, x: Tensor, begin: object, **rest: object) -> Tensor:
    """Slice; where the last axis does not begin at 0, values whose sixteenfold is no fp16 number become infinite.

    The width is cropped on the way through memory, scaled by 16 (tests/evidence: af.slice, aneg.slice_width_offset;
    M1 and M2). Sixteen times 4094 is the last finite one.
    """
    found = crop(x=x, begin=begin, **rest)
    last = _last(begin)
    if last == 0 or (last < 0 and x.shape[-1] + last == 0):
        return found
    return torch.where(
        found.abs() >= _SIXTEENTH_OF_LARGEST, torch.copysign(torch.full_like(found, torch.inf), found), found
    )


def _last(begin: object) -> int:
    numbers = begin.tolist() if isinstance(begin, Tensor) else begin
    return int(numbers[-1]) if isinstance(numbers, list | tuple) and numbers else 0

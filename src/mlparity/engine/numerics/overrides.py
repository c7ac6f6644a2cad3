"""What a unit does to single ops apart from its arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mlparity.engine.numerics.rounding import half_away

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


def log_sum_exp_unshifted(
    _exact: Callable[..., Tensor], *, x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False
) -> Tensor:
    """Return the logarithm of a sum of exponentials that is stored in fp16 first: 0 where it is beyond 65504.

    The greatest is not taken off before, so that 32 equal numbers fall from 11.1 to 0 beyond 7.63 (tests/evidence:
    2690.cliff; https://github.com/apple/coremltools/issues/2690). That the exponentials themselves are wide is assumed.
    """
    total = half_away(x.exp().sum(_dims(x, axes), keepdim=keep_dims))
    return torch.where(total.isinf(), 0.0, total.log())


def narrow_sum(
    _exact: Callable[..., Tensor], *, x: Tensor, axes: Sequence[int] | None = None, keep_dims: bool = False
) -> Tensor:
    """Return a sum with an fp16 accumulator, element after element, each sum rounded half away from zero.

    Source: https://github.com/sbryngelson/ANEForge (docs/developer/numerics.md): reduce_sum accumulates in fp16 on M1,
    so that whole numbers are exact up to 2048. The order is assumed.
    """
    dims = [dim % x.ndim for dim in _dims(x, axes)]
    kept = [dim for dim in range(x.ndim) if dim not in dims]
    lines = x.permute(*dims, *kept).reshape(-1, *(x.shape[dim] for dim in kept))
    total = torch.zeros_like(lines[0]) if len(lines) else lines.sum(0)
    for line in lines:
        total = half_away(total + line)
    return total.reshape([1 if dim in dims else size for dim, size in enumerate(x.shape)]) if keep_dims else total


def _dims(x: Tensor, axes: Sequence[int] | None) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axes is None else tuple(axes)


def _last(begin: object) -> int:
    numbers = begin.tolist() if isinstance(begin, Tensor) else begin
    return int(numbers[-1]) if isinstance(numbers, list | tuple) and numbers else 0

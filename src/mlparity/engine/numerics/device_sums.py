"""The accumulators in PyTorch's own ops, where the compiled kernels do not reach or are off: slower, the same bits.

Everything is computed in fp64, which holds each product, and each sum of one with a number of fp16, or is so far from
the middle between two numbers of fp16 that rounding it twice rounds it once. Shapes: x (M, K), weight (N, K), bias (N);
the result is (M, N).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mlparity.engine.numerics.rounding import half_away_wide

_UNIT, _STICKY = 2.0**16, 2**31
_AT_ONCE = 2**22
"""How many products are held at once: 32 MiB of them."""

_SPECIAL, _AS_SIXTEEN = 0x7F800000, (127 + 16) << 23


def decoded(x: Tensor) -> Tensor:
    """Return fp16 values as fp32, where the exponent of infinities and NaN counts as 16."""
    values = x.detach().float()
    if not values.numel() or math.isfinite(sum(map(float, values.aminmax()))):
        return values
    bits = values.contiguous().view(torch.int32)
    return torch.where((bits & _SPECIAL) == _SPECIAL, (bits & ~_SPECIAL) | _AS_SIXTEEN, bits).view(torch.float32)


def fixed_point(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return sums in 32 bits with 16 below the point, rounded half away from zero; see `kernels.fixed_point`."""
    wide, w = x.double(), decoded(weight).double()
    start = _in_units(w.new_zeros(w.shape[0]) if bias is None else decoded(bias).double())
    out = [_fixed_rows(rows, w, _bounds(w), start) for rows in torch.split(wide, max(1, _AT_ONCE // max(1, w.numel())))]
    return torch.cat(out) if out else x.new_zeros(0, w.shape[0])


def _fixed_rows(x: Tensor, w: Tensor, bounds: Tensor, start: Tensor) -> Tensor:
    kept = x.abs()[:, None] >= bounds
    units = torch.where(kept, _in_units(x[:, None] * w), 0)
    partial = torch.cat((start.expand(x.shape[0], -1)[..., None], units), -1).cumsum(-1)
    beyond = partial.abs() >= _STICKY
    first = beyond.byte().argmax(-1, keepdim=True)
    total = torch.where(beyond.any(-1, keepdim=True), partial.gather(-1, first), partial[..., -1:]).squeeze(-1)
    infinite = torch.copysign(torch.full_like(total, torch.inf, dtype=torch.float32), total.float())
    return torch.where(total.abs() >= _STICKY, infinite, half_away_wide(total.double() / _UNIT))


def _in_units(x: Tensor) -> Tensor:
    """Return numbers as whole numbers of 2^-16, half away from zero."""
    return (x * _UNIT + torch.copysign(torch.full_like(x, 0.5), x)).trunc().to(torch.int64)


def _bounds(w: Tensor) -> Tensor:
    """Return the least magnitude of a number whose product with each weight is kept: exponents add up to -16."""
    exponents = (torch.frexp(w).exponent - 1).clamp(min=-14)
    exponents = torch.where(w == 0, -14, exponents)
    return torch.where(exponents >= -2, 0.0, torch.ldexp(torch.ones_like(w), -16 - exponents))


def sequential_fp16(x: Tensor, weight: Tensor, bias: Tensor | None, lanes: int) -> Tensor:
    """Return sums in fp16, each step rounded to nearest even; see `kernels.sequential`."""
    wide, columns = x.double(), weight.double().T
    sums = [wide.new_zeros(x.shape[0], weight.shape[0]) for _ in range(lanes)]
    if bias is not None:
        sums[0] = bias.double().expand(x.shape[0], -1)
    for k in range(x.shape[1]):
        lane = k % lanes
        sums[lane] = _half_even(sums[lane] + wide[:, k, None] * columns[k])
    while len(sums) > 1:
        half = len(sums) // 2
        sums = [_half_even(one + other) for one, other in zip(sums[:half], sums[half:], strict=True)]
    return sums[0].float()


def _half_even(x: Tensor) -> Tensor:
    """Round fp64 numbers to fp16's, to nearest even; PyTorch's own cast goes by fp32, and rounds twice."""
    step = torch.ldexp(torch.ones_like(x), torch.frexp(x).exponent.clamp(min=-13) - 11)
    near = torch.round(x / step) * step
    near = torch.where(near.abs() >= _UNIT, torch.copysign(torch.full_like(x, torch.inf), x), near)
    return torch.where(torch.isfinite(x), near, x)


def sequential_fp32(x: Tensor, weight: Tensor) -> Tensor:
    """Return sums in fp32, one fused multiply-add after the other; see `kernels.wide`."""
    wide, columns = x.double(), weight.double().T
    sums = x.new_zeros(x.shape[0], weight.shape[0], dtype=torch.float32)
    for k in range(x.shape[1]):
        sums = _plus_product(sums.double(), wide[:, k, None] * columns[k])
    return sums


def _plus_product(sums: Tensor, product: Tensor) -> Tensor:
    """Return the sum of fp32 numbers and of exact products of two, rounded to fp32 once.

    The sum in fp64 is rounded to odd: where it is not exact, its last bit is made 1, so that rounding it again is as
    rounding the exact one.
    """
    near = sums + product
    part = near - sums
    error = (sums - (near - part)) + (product - part)
    bits = near.view(torch.int64)
    outwards = torch.where((error > 0) == (near > 0), 1, -1)
    is_even = torch.isfinite(near) & (error != 0) & ((bits & 1) == 0)
    return torch.where(is_even, bits + outwards, bits).view(torch.float64).float()


def by_sixteen(x: Tensor, weight: Tensor) -> Tensor:
    """Return sums in fp32 by sixteen products, each product and each sum rounded; see `kernels.wide`.

    Shape: x (M, K), weight (N, K), with K a multiple of sixteen.
    """
    values, columns = x.float(), weight.float().T
    sums = values.new_zeros(x.shape[0], weight.shape[0])

    def product(k: int) -> Tensor:
        return values[:, k, None] * columns[k]

    for start in range(0, x.shape[1], 16):
        for a in range(start, start + 8, 2):
            sums = sums + ((product(a) + product(a + 1)) + (product(a + 8) + product(a + 9)))
    return sums

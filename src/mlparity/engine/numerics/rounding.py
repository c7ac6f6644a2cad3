"""Rounding to fp16's numbers as a unit does it, on tensors held in fp32."""

from __future__ import annotations

import platform
from functools import cache
from typing import Any

import torch
from torch import Tensor

from mlparity.engine.numerics.lines import COLUMNS
from mlparity.engine.numerics.switch import uses_kernels

_LEAST_NORMAL = 2.0**-14
_LEAST_STEP = 2.0**-24
_BEYOND = 2.0**16

LEAST_IN_PLACE = 2**16
"""Numbers from which the own kernel, one pass, is faster than PyTorch's two (measured on x86, torch 2.13)."""


def half_even(x: Tensor) -> Tensor:
    """Round to nearest, halves to even; beyond 65504 to infinity, as IEEE 754 has it. The gradient passes through."""
    return x.to(torch.float16).to(x.dtype)


def half_even_in_place(x: Tensor) -> Tensor:
    """Do as `half_even` in the memory of x, which nothing else may hold, and return x. No gradient passes through."""
    if x.numel() < LEAST_IN_PLACE or x.dtype is not torch.float32 or not is_dense(x) or not compiles_fp16(x.device):
        return x.copy_(x.to(torch.float16))
    _kernels().half_even(torch.get_num_threads(), -(-x.numel() // COLUMNS), x.data_ptr(), x.numel())
    return x


def compiles_fp16(device: torch.device) -> bool:
    """Return whether kernels with fp16's instructions can be compiled for the device: a processor that has them.

    64-bit ARM has them, and x86 with AVX2 (assumed: no processor has AVX2 without F16C).
    """
    is_arm = platform.machine().lower() in ("arm64", "aarch64")
    return uses_kernels(device) and (is_arm or torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512"))


def half_away(x: Tensor) -> Tensor:
    """Round to nearest, halves away from zero; beyond 65504 to infinity.

    What is below 2^-14 is rounded twice, to 11 significant bits and then to a multiple of 2^-24, as the 25 steps of
    Jacobi's method show (tests/evidence: g0111, g0114; rounded once they err 5e-5 more than published).
    What is no number becomes 0, and -0 becomes +0, as the Neural Engine's elementwise path has it
    (tests/evidence: aneg.sub.inf_-_inf, aneg.mul.0_*_inf, aneg.sqrt.-1, aneg.add0.-0). No gradient passes through.
    """
    x = x.detach().float()
    if x.is_meta:  # of a check of shapes: PyTorch would load its compiler, a second and a half, to round no numbers
        return x
    return _compiled(x) if uses_kernels(x.device) and is_dense(x) else half_away_of_few(x)


def half_away_of_few(x: Tensor) -> Tensor:
    """Do as `half_away` for fp32 numbers, by PyTorch's ops: slower for many, and no kernel is loaded for a few."""
    normal = ((x.view(torch.int32) + 0x1000) & -0x2000).view(torch.float32)
    small = torch.trunc(normal / _LEAST_STEP + torch.copysign(torch.full_like(x, 0.5), x)) * _LEAST_STEP
    rounded = torch.where(x.abs() < _LEAST_NORMAL, small, normal)
    rounded = torch.where(rounded.abs() >= _BEYOND, torch.copysign(torch.full_like(x, torch.inf), x), rounded)
    return torch.where(torch.isnan(x), 0.0, rounded) + 0.0


def is_dense(x: Tensor) -> bool:
    """Return whether the elements fill their memory without gaps, in whatever order of axes."""
    return x.is_contiguous() or (x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last))


def _compiled(x: Tensor) -> Tensor:
    from mlparity.engine.numerics.kernels.threads import over_rows

    kernel, out = _kernels().half_away, torch.empty_like(x)
    flat, rounded = (tensor.as_strided((x.numel(),), (1,)).numpy() for tensor in (x, out))
    over_rows(lambda start, end: kernel(flat, rounded, start, end), x.numel(), 1, 4096)
    return out


@cache
def _kernels() -> Any:
    """Return the compiled kernels; loaded late, for loading a model needs none of them."""
    from mlparity.engine.numerics.kernels import rounding

    return rounding


def half_away_wide(x: Tensor) -> Tensor:
    """Round fp64 numbers, which fp32 may not hold, half away from zero to fp16's, as fp32; infinities stay."""
    if x.is_meta:
        return x.float()
    finite = torch.where(torch.isfinite(x), x, 0.0)
    step = torch.ldexp(torch.ones_like(x), torch.frexp(finite).exponent.clamp(min=-13) - 11)
    rounded = torch.trunc(finite / step + torch.copysign(torch.full_like(x, 0.5), x)) * step
    beyond = ~torch.isfinite(x) | (rounded.abs() >= _BEYOND)
    return torch.where(beyond, torch.copysign(torch.full_like(x, torch.inf), x), rounded).float()

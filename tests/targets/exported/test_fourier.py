"""Fourier transforms, and complex arithmetic between them, agree with PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, fft, nn

from mlparity.targets.coreml.convert import CoremlOptions, Frontend
from tests.targets.parity import parity_of
from tests.targets.several import converted_agrees

RNG = np.random.default_rng(0)
EVEN = RNG.standard_normal((2, 3, 8)).astype(np.float32)
ODD = RNG.standard_normal((2, 3, 7)).astype(np.float32)
GRID = RNG.standard_normal((2, 4, 6)).astype(np.float32)


def _table(*shape: int) -> Tensor:
    return torch.view_as_complex(torch.from_numpy(RNG.standard_normal((*shape, 2)).astype(np.float32)))


TABLE, WHOLE, MIXING, SQUARE = _table(5), _table(8), _table(3, 6, 4), _table(4, 4)


def parts(z: Tensor) -> Tensor:
    return torch.view_as_real(z)


class Filtered(nn.Module):
    """Multiplies the spectrum by a table that it holds as a buffer or as a parameter."""

    def __init__(self, as_parameter: bool) -> None:
        super().__init__()
        if as_parameter:
            self.table = nn.Parameter(TABLE.clone())
        else:
            self.register_buffer("table", TABLE.clone())

    def forward(self, x: Tensor) -> Tensor:
        return fft.irfft(fft.rfft(x) * self.table, n=8)


class Spectral(nn.Module):
    """A layer of a Fourier neural operator: the low frequencies are mixed by complex weights, the others dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(MIXING.clone())

    def forward(self, x: Tensor) -> Tensor:
        mixed = torch.zeros(x.shape[0], 6, x.shape[-1] // 2 + 1, dtype=torch.cfloat)
        mixed[:, :, :4] = torch.einsum("bix,iox->box", fft.rfft(x)[:, :, :4], self.weight)
        return fft.irfft(mixed, n=x.shape[-1])


OF_EVEN: tuple[Callable[..., Any], ...] = (
    lambda x: fft.irfft(fft.rfft(x) * TABLE),
    lambda x: fft.irfft(fft.rfft(x, norm="ortho") * TABLE, norm="ortho"),
    lambda x: fft.irfft(fft.rfft(x, norm="forward") * TABLE, n=8, norm="forward"),
    lambda x: fft.irfft(fft.rfft(x, n=9) * TABLE, n=9),
    lambda x: fft.irfft(fft.rfft(x, n=6) * TABLE[:4], n=6),
    lambda x: fft.irfft(fft.rfft(x, n=16) * fft.rfft(x.flip(-1), n=16).conj())[..., :8],
    lambda x: fft.irfft(fft.rfft(x, dim=1) * TABLE[:2, None], dim=1, n=3),
    lambda x: fft.ifft(fft.fft(x) * WHOLE).real,
    lambda x: parts(fft.ifft(torch.complex(x, -x), norm="ortho")),
    lambda x: fft.rfft(x).abs() + fft.rfft(x).real - fft.rfft(x).imag,
    lambda x: fft.irfft(fft.rfft(x) / TABLE - TABLE * 2),
    lambda x: fft.irfft(1j * torch.arange(5) * fft.rfft(x), n=8),
    lambda x: fft.irfft(torch.cat([fft.rfft(x)[..., :3], torch.zeros(2, 3, 2)], -1), n=8),
    lambda x: fft.irfft(torch.where(torch.arange(5) < 3, fft.rfft(x), torch.zeros(5, dtype=torch.cfloat))),
    lambda x: parts(fft.rfft(x).mean(1)) + parts(-fft.rfft(x).sum(1)),
    lambda x: parts(fft.fft(x) @ WHOLE[:, None]),
    lambda x: parts(fft.rfft(x) ** 2) + parts(fft.rfft(x + 2).masked_fill(torch.arange(5) > 3, 0)),
    lambda x: fft.hfft(torch.complex(x[..., :5], x[..., 3:]), n=8),
    lambda x: parts(fft.fftshift(fft.fft(x), dim=-1)),
    lambda x: (x * WHOLE).abs() + torch.exp(WHOLE * x).real,
)

OF_ODD: tuple[Callable[..., Any], ...] = (
    lambda x: fft.irfft(fft.rfft(x) * TABLE[:4], n=7),
    lambda x: fft.irfft(fft.rfft(x)),
    lambda x: fft.ifft(fft.fft(x) * WHOLE[:7], norm="backward").imag,
    lambda x: parts(fft.rfft(x[..., :1])),
)

OF_A_GRID: tuple[Callable[..., Any], ...] = (
    lambda x: fft.irfft2(fft.rfft2(x, norm="ortho") * SQUARE, s=(4, 6), norm="ortho"),
    lambda x: fft.irfftn(fft.rfftn(x) * 2.0, s=(2, 4, 6)),
    lambda x: parts(fft.fftn(x, s=(3, 8), dim=(1, 2))),
    lambda x: fft.ifftn(fft.fftn(x, dim=(0, 1)), dim=(0, 1)).real,
    lambda x: fft.ifft2(fft.fft2(x) * TABLE[:4, None]).real,
)


@pytest.mark.parametrize(
    ("functions", "x"), [(OF_EVEN, EVEN), (OF_ODD, ODD), (OF_A_GRID, GRID)], ids=["even", "odd", "grid"]
)
def test_transforms_agree_with_pytorch(
    functions: tuple[Callable[..., Any], ...], x: np.ndarray, tmp_path: Path
) -> None:
    converted_agrees(functions, x, Frontend.EXPORT, tmp_path)


@pytest.mark.parametrize("module", [Filtered(False), Filtered(True), Spectral()], ids=["buffer", "parameter", "layer"])
def test_complex_weights_agree_with_pytorch(module: nn.Module, tmp_path: Path) -> None:
    """By whichever route converts: a trace cannot hold complex weights."""
    parity = parity_of(module.eval(), {"x": EVEN}, tmp_path, CoremlOptions())
    assert parity.excess <= 1, parity

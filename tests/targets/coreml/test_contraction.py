"""Sums of products, and diagonals, agree with PyTorch in both of coremltools' readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.targets.coreml.convert import Frontend
from tests.targets.several import converted_agrees

RNG = np.random.default_rng(0)
SQUARE = RNG.standard_normal((4, 4)).astype(np.float32)
STACK = RNG.standard_normal((3, 4, 4)).astype(np.float32)
OTHER = torch.from_numpy(RNG.standard_normal((3, 4, 2)).astype(np.float32))
ROW = torch.from_numpy(RNG.standard_normal((1, 4)).astype(np.float32))
FEATURES = nn.Bilinear(4, 4, 5).requires_grad_(False)


def summed(equation: str, *others: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: torch.einsum(equation, x, *others)


OF_A_SQUARE: tuple[Callable[..., Any], ...] = (
    *map(summed, ("ii->", "ii", "ii->i", "ij->", "ij->j", "ij", "ba", "ij->ji", "...ii->...i", "...->")),
    summed("ij,jk->", OTHER[0]),
    summed("ij,kl->ik", OTHER[0]),
    summed("ij,kl->", OTHER[0]),
    summed("ii,ij->j", OTHER[0]),
    summed("ij,ij->ij", ROW),
    summed("ij,kj->ik", ROW),
    summed("ij,kk->ij", torch.from_numpy(SQUARE)),
    lambda x: torch.einsum("i,j->ij", x[0], x[1, :3]),
    lambda x: torch.einsum("i,i->", x[0], x[1]),
    lambda x: torch.einsum("ij,jk,ki->", x, x, x),
    lambda x: torch.einsum(x, [0, 0], [0]),
    lambda x: torch.einsum("..., ... -> ...", x, x),
    lambda x: torch.diagonal(x) + torch.diagonal(x, 0),
    lambda x: torch.diagonal(x[:, :3], -2),
    lambda x: torch.trace(x),
    lambda x: torch.diagonal(x > 0).float(),
)

OF_A_STACK: tuple[Callable[..., Any], ...] = (
    *map(summed, ("bii->b", "bii->bi", "bii->ib", "...ii->...", "bij->bji")),
    summed("bij,bjk->", OTHER),
    summed("bij,bjk->bik", OTHER),
    summed("bij,bjk->k", OTHER),
    summed("...ij,...jk->...ik", OTHER),
    summed("bii,bik->bk", OTHER),
    summed("bij,jk->bik", OTHER[0]),
    lambda x: torch.einsum("iji->ij", x.transpose(0, 1)),
    lambda x: torch.diagonal(x, 1, -2, -1),
    lambda x: torch.diagonal(x, offset=-1, dim1=0, dim2=2),
    lambda x: FEATURES(x, x * 0.5),
)


@pytest.mark.parametrize("frontend", [Frontend.TRACE, Frontend.EXPORT])
@pytest.mark.parametrize(("functions", "x"), [(OF_A_SQUARE, SQUARE), (OF_A_STACK, STACK)], ids=["square", "stack"])
def test_a_contraction_agrees_with_pytorch(
    functions: tuple[Callable[..., Any], ...], x: np.ndarray, frontend: Frontend, tmp_path: Path
) -> None:
    converted_agrees(functions, x, frontend, tmp_path)


def test_a_trace_of_integers_agrees_with_pytorch(tmp_path: Path) -> None:
    functions = (lambda x: torch.einsum("ii->", x), lambda x: torch.einsum("ij,ji->", x, x))
    converted_agrees(functions, np.arange(9, dtype=np.int32).reshape(3, 3), Frontend.TRACE, tmp_path)

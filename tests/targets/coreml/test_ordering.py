"""What is sorted, and what is read off a sorted axis, agrees with PyTorch in both of coremltools' readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mlparity.targets.coreml.convert import Frontend
from tests.targets.several import converted_agrees

X = np.random.default_rng(0).standard_normal((2, 5, 4)).astype(np.float32)
TIES = np.array([[1, 1, 0, 2, 0], [3, 3, 3, 1, 1]], np.float32)
WHOLE = np.array([[5, 1, 3], [2, 9, 0]], np.int64)

SORTS: tuple[Callable[..., Any], ...] = (
    lambda x: torch.sort(x, dim=1, stable=False),
    lambda x: torch.sort(x, dim=-2, stable=True, descending=True),
    lambda x: torch.sort(x, stable=None, dim=0),
    lambda x: torch.sort(x),
    lambda x: x.sort(1, True),
    lambda x: torch.sort(x[0, 0, 0]),
    lambda x: torch.sort(x[:, :1], 1),
    lambda x: torch.argsort(x, dim=1, stable=False),
    lambda x: torch.argsort(x, dim=-2, descending=True, stable=True),
    lambda x: torch.argsort(x, 0, True),
    lambda x: torch.msort(x),
    lambda x: torch.topk(x, 2, dim=-2, largest=False),
    lambda x: torch.kthvalue(x, 3, dim=1, keepdim=True),
    lambda x: torch.kthvalue(x, 1, dim=-3),
    lambda x: torch.kthvalue(x, 2)[0],
    lambda x: torch.median(x, dim=1),
    lambda x: torch.median(x, dim=-1, keepdim=True),
    lambda x: torch.median(x),
    lambda x: torch.argmax(x),
    lambda x: torch.argmin(x, keepdim=True),
    lambda x: torch.argmin(x, dim=1),
)

IN_ORDER: tuple[Callable[..., Any], ...] = (
    lambda x: torch.sort(x, dim=1, stable=True),
    lambda x: torch.sort(x, dim=1, stable=True, descending=True),
    lambda x: torch.argsort(x, dim=0, stable=True),
)

INTEGERS: tuple[Callable[..., Any], ...] = (
    lambda x: torch.sort(x, dim=1, stable=True, descending=True),
    lambda x: torch.argsort(x, dim=0, stable=False),
    lambda x: torch.median(x, dim=1),
    lambda x: torch.sort(x > 2, dim=1, stable=True),
)


@pytest.mark.parametrize("frontend", [Frontend.TRACE, Frontend.EXPORT])
@pytest.mark.parametrize(
    ("functions", "x"), [(SORTS, X), (IN_ORDER, TIES), (INTEGERS, WHOLE)], ids=["floats", "ties", "integers"]
)
def test_an_order_agrees_with_pytorch(
    functions: tuple[Callable[..., Any], ...], x: np.ndarray, frontend: Frontend, tmp_path: Path
) -> None:
    converted_agrees(functions, x, frontend, tmp_path)

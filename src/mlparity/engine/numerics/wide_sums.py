"""Sums of products in fp32 in an order that is known, where PyTorch sums in whatever order is fastest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlparity.engine.numerics import device_sums
from mlparity.engine.numerics.exact_products import ExactProducts
from mlparity.engine.numerics.lines import Lines
from mlparity.engine.numerics.switch import uses_kernels

Floats = NDArray[np.float32]

_CPU = torch.device("cpu")
"""Where the kernels of these sums run, wherever the numbers are."""


@dataclass(frozen=True, slots=True)
class SequentialFp32(ExactProducts):
    """One fused multiply-add in fp32 after the other. The results are fp32: a store rounds them."""

    rounds = False
    by_channel = False

    def sums(self, lines: Lines, weight: Tensor, bias: Tensor | None, product: int = 0) -> Tensor:  # noqa: ARG002  # nothing is kept
        """Return the lines times the transpose of weight (N, K), plus bias (N)."""
        return plus(in_order(lines.dense(), weight), bias)


def plus(sums: Tensor, bias: Tensor | None) -> Tensor:
    """Return sums (M, N) with the bias (N) added at the end, where there is one."""
    return sums if bias is None else sums + bias


def in_order(x: Tensor, weight: Tensor) -> Tensor:
    """Return x (M, K) times the transpose of weight (N, K), summed one after the other."""
    if not uses_kernels(_CPU):
        return device_sums.sequential_fp32(x, weight)
    from mlparity.engine.numerics.kernels import wide

    return _run(wide.sequential, x, weight)


def in_sixteens(x: Tensor, weight: Tensor) -> Tensor:
    """Return the product of `in_order`, summed by sixteen; K is filled up with zeros."""
    lacking = -x.shape[1] % 16
    if lacking:
        x, weight = (torch.nn.functional.pad(values, (0, lacking)) for values in (x, weight))
    if not uses_kernels(_CPU):
        return device_sums.by_sixteen(x, weight)
    from mlparity.engine.numerics.kernels import wide

    return _run(wide.by_sixteen, x, weight)


def _run(kernel: Callable[..., Any], x: Tensor, weight: Tensor) -> Tensor:
    from mlparity.engine.numerics.kernels.blocks import WIDEST, in_blocks
    from mlparity.engine.numerics.kernels.threads import over_rows

    inputs, columns = _array(x), in_blocks(_array(weight), WIDEST)
    out = torch.empty(x.shape[0], weight.shape[0])
    view = out.numpy()
    over_rows(lambda start, end: kernel(inputs, columns, view, start, end), x.shape[0], weight.numel(), 1)
    return out.to(x.device)


def _array(x: Tensor) -> Floats:
    return x.detach().to("cpu", torch.float32).contiguous().numpy()

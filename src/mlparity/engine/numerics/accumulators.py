"""The accumulators: fixed point, and fp16 step by step, each a compiled kernel for the CPU, or else `device_sums`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlparity.engine.numerics import device_sums, winograd
from mlparity.engine.numerics.exact_products import ExactProducts
from mlparity.engine.numerics.lines import Lines
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.switch import uses_kernels


def _array(x: Tensor) -> NDArray[np.float32]:
    return x.detach().to("cpu", torch.float32).contiguous().numpy()


@dataclass(frozen=True, slots=True)
class FixedPoint(ExactProducts):
    """32 bits with 16 below the point; see `kernels.fixed_point`. `winograd` transforms dense 3 by 3 convolutions."""

    packs = True
    winograd: bool = False

    def held(self, x: Tensor) -> Tensor:
        """Return x with infinities and NaN as the numbers that the unit reads."""
        return device_sums.decoded(x)

    def sums(self, lines: Lines, weight: Tensor, bias: Tensor | None, product: int = 0) -> Tensor:
        """Return lines times the transpose of weight (N, K), plus bias (N), each rounded half away from zero."""
        if not uses_kernels(lines.numbers.device):
            return device_sums.fixed_point(lines.dense(), weight, bias)
        from mlparity.engine.numerics.kernels import fixed_point

        w = self.cached(product, lambda: fixed_point.packed(_array(weight), None if bias is None else _array(bias)))
        weights = (w.grown, w.units, w.bounds, w.largest, w.bias, w.limit)
        flags = (lines.peak * w.greatest < fixed_point.SMALL, lines.peak * w.most < w.limit)
        return _run(fixed_point.multiply, lines, (*weights, *flags), weight)

    def conv(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution, by Winograd's F(2, 3) along the width where the unit does so."""
        if not (self.winograd and is_dense_3x3(weight, geometry)):
            return ExactProducts.conv(self, x, weight, bias, geometry)
        kernels = self.cached("kernels", lambda: winograd.transformed_kernels(weight))
        even, odd = (
            ExactProducts.conv(part, inputs, kernel, bias, winograd.WALK)
            for part, inputs, kernel in zip(self._halves(), winograd.transformed(x, geometry), kernels, strict=True)
        )
        return winograd.untransformed(even, odd, x.shape[-1] + 2 * geometry.pad[-1] - 2)

    def _halves(self) -> list[FixedPoint]:
        """Return the products for the even and for the odd columns, each with a memory of its own."""
        if self.memory is None:
            return [self, self]
        return [replace(self, memory=self.memory.setdefault(name, {})) for name in ("even", "odd")]


@dataclass(frozen=True, slots=True)
class SequentialFp16(ExactProducts):
    """An fp16 accumulator, one fused multiply-add after the other, in one or several lanes."""

    packs = True
    lanes: int = 1

    def held(self, x: Tensor) -> Tensor:
        """Return x as the kernel takes it: scaled; on other devices as it is."""
        from mlparity.engine.numerics.kernels.fp16_tile import FACTOR

        return x * FACTOR if uses_kernels(x.device) else x

    def sums(self, lines: Lines, weight: Tensor, bias: Tensor | None, product: int = 0) -> Tensor:
        """Return lines times the transpose of weight (N, K), plus bias (N), rounded to nearest even at each step."""
        if not uses_kernels(lines.numbers.device):
            return device_sums.sequential_fp16(lines.dense(), weight, bias, self.lanes)
        from mlparity.engine.numerics.kernels import sequential

        order = sequential.by_lanes(lines.offsets.size, self.lanes)

        def pack() -> sequential.SequentialWeights:
            return sequential.packed(_array(weight)[:, order], None if bias is None else _array(bias))

        w = self.cached(product, pack)
        weights = (w.blocks, w.largest, w.bias, w.limit, sequential.TINY)
        lanewise = lines.part(lines.offsets[order])
        return _run(sequential.multiply, lanewise, (*weights, self.lanes, lines.peak * w.most < w.limit), weight)


def _run(kernel: Callable[..., Any], lines: Lines, packed: tuple[Any, ...], weight: Tensor) -> Tensor:
    """Return what a kernel makes of lines and of weight (N, K): (M, N)."""
    from mlparity.engine.numerics.kernels.threads import over_rows
    from mlparity.engine.numerics.kernels.vectors import ROWS

    out = torch.empty(lines.starts.size, weight.shape[0])
    seen, view = (lines.numbers.numpy(), lines.starts, lines.offsets, lines.by_channel), out.numpy()
    over_rows(lambda start, end: kernel(*seen, *packed, view, start, end), out.shape[0], weight.numel(), ROWS)
    return out


def is_dense_3x3(weight: Tensor, geometry: Geometry) -> bool:
    """Return whether a convolution is 3 by 3 in one group, with neither stride nor dilation."""
    g = geometry
    return weight.shape[2:] == (3, 3) and g.groups == 1 and {*g.strides, *g.dilations} == {1}

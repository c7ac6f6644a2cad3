"""The accumulators: fixed point, and fp16 step by step, each a compiled kernel for the CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlparity.engine.numerics.exact_products import ExactProducts
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.winograd import transformed, untransformed

_SMALL, _LIMIT = 64.0, 32767.0


def _array(x: Tensor) -> NDArray[np.float32]:
    return x.detach().to("cpu", torch.float32).contiguous().numpy()


@dataclass(frozen=True, slots=True)
class FixedPoint(ExactProducts):
    """32 bits with 16 below the point; see `kernels.fixed_point`. `winograd` transforms dense 3 by 3 convolutions."""

    winograd: bool = False

    def rows(self, x: Tensor, weight: Tensor, bias: Tensor | None, place: int = 0) -> Tensor:
        """Return x (M, K) times the transpose of weight (N, K), plus bias (N), each rounded half away from zero."""
        from mlparity.engine.numerics.kernels import fixed_point
        from mlparity.engine.numerics.kernels.threads import over_rows

        w = self.remembered(place, lambda: fixed_point.packed(_array(weight), None if bias is None else _array(bias)))
        inputs = fixed_point.decoded(_array(x))
        out = torch.empty(x.shape[0], weight.shape[0])
        weights = (w.exact, w.grown, w.largest, w.most, w.bias, w.offset, out.numpy())
        over_rows(lambda start, end: fixed_point.multiply(inputs, *weights, start, end), x.shape[0], weight.numel(), 1)
        return out.to(x.device)

    def conv(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution, by Winograd's F(2, 3) along the width where the unit does so."""
        if not (self.winograd and is_dense_3x3(weight, geometry)):
            return ExactProducts.conv(self, x, weight, bias, geometry)
        even, odd = (
            ExactProducts.conv(part, inputs, kernel, bias, walk)
            for part, (inputs, kernel, walk) in zip(self._halves(), transformed(x, weight, geometry), strict=True)
        )
        return untransformed(even, odd, x.shape[-1] + 2 * geometry.pad[-1] - 2)

    def _halves(self) -> list[FixedPoint]:
        """Return the products for the even and for the odd columns, each with a memory of its own."""
        if self.memory is None:
            return [self, self]
        return [replace(self, memory=self.memory.setdefault(name, {})) for name in ("even", "odd")]

    def by_channel(self, x: Tensor, weight: Tensor, bias: Tensor, walk: tuple[int, ...], out: Tensor) -> bool:
        """Write a convolution of single channels; see `kernels.by_channel`."""
        from mlparity.engine.numerics.kernels import by_channel, fixed_point
        from mlparity.engine.numerics.kernels.threads import over_rows

        def pack() -> tuple[Any, ...]:
            exact = fixed_point.decoded(_array(weight))
            size = np.abs(exact)
            start = fixed_point.in_units(fixed_point.decoded(_array(bias)))
            return exact, fixed_point.grown(exact), start, size.max((0, 1)), size.sum((0, 1))

        exact, grown, start, most, total = self.remembered(-1, pack)
        inputs = fixed_point.decoded(_array(x))
        peaks = np.maximum(inputs.max((0, 1, 2)), -inputs.min((0, 1, 2)))
        bound = (peaks * total + np.abs(start) / 65536).max(initial=0) + exact.size / 65536
        run, weights = by_channel.fixed_in_order, exact
        if bound < _LIMIT:
            start = start.astype(np.int32)
            run, weights = by_channel.fixed_large, exact
            if (peaks * most).max(initial=0) < _SMALL:
                run, weights = by_channel.fixed_small, grown
        view = out.numpy()
        over_rows(
            lambda first, last: run(inputs, weights, start, walk, view, first, last),
            out.shape[0] * out.shape[1],
            weight.numel() * out.shape[2],
            1,
        )
        return True


@dataclass(frozen=True, slots=True)
class SequentialFp16(ExactProducts):
    """An fp16 accumulator, one fused multiply-add after the other, in one or several lanes."""

    lanes: int = 1

    def rows(self, x: Tensor, weight: Tensor, bias: Tensor | None, place: int = 0) -> Tensor:
        """Return x (M, K) times the transpose of weight (N, K), plus bias (N), rounded to nearest even at each step."""
        from mlparity.engine.numerics.kernels import sequential
        from mlparity.engine.numerics.kernels.blocks import in_blocks
        from mlparity.engine.numerics.kernels.threads import over_rows

        def pack() -> tuple[Any, ...]:
            offset = weight.new_zeros(weight.shape[0]) if bias is None else bias
            return in_blocks(_array(weight)), _array(offset)

        columns, offset = self.remembered(place, pack)
        inputs = _array(x)
        out = torch.empty(x.shape[0], weight.shape[0])
        view = out.numpy()
        over_rows(
            lambda start, end: sequential.multiply(inputs, columns, offset, self.lanes, view, start, end),
            x.shape[0],
            weight.numel(),
            1,
        )
        return out.to(x.device)

    def by_channel(self, x: Tensor, weight: Tensor, bias: Tensor, walk: tuple[int, ...], out: Tensor) -> bool:
        """Write a convolution of single channels; see `kernels.by_channel`. False where there are several lanes."""
        from mlparity.engine.numerics.kernels import by_channel
        from mlparity.engine.numerics.kernels.threads import over_rows

        if self.lanes > 1:
            return False
        inputs, weights, start, view = _array(x), _array(weight), _array(bias), out.numpy()
        over_rows(
            lambda first, last: by_channel.sequential(inputs, weights, start, walk, view, first, last),
            out.shape[0] * out.shape[1],
            weight.numel() * out.shape[2],
            1,
        )
        return True


def is_dense_3x3(weight: Tensor, geometry: Geometry) -> bool:
    """Return whether a convolution is 3 by 3 in one group, with neither stride nor dilation."""
    g = geometry
    return weight.shape[2:] == (3, 3) and g.groups == 1 and {*g.strides, *g.dilations} == {1}

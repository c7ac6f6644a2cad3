"""The accumulators: fixed point, and fp16 step by step, each a compiled kernel for the CPU."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mlparity.engine.numerics.exact_products import ExactProducts
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.winograd import transformed, untransformed


def _array(x: Tensor):  # type: ignore[no-untyped-def]
    return x.detach().to("cpu", torch.float32).contiguous().numpy()


@dataclass(frozen=True, slots=True)
class FixedPoint(ExactProducts):
    """32 bits with 16 below the point; see `kernels.fixed_point`. `winograd` transforms dense 3 by 3 convolutions."""

    winograd: bool = False

    def rows(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return x (M, K) times the transpose of weight (N, K), plus bias (N), each rounded half away from zero."""
        from mlparity.engine.numerics.kernels import fixed_point
        from mlparity.engine.numerics.kernels.threads import over_rows

        inputs = fixed_point.decoded(_array(x))
        w = fixed_point.packed(_array(weight), None if bias is None else _array(bias))
        out = torch.empty(x.shape[0], weight.shape[0])
        weights = (w.exact, w.grown, w.largest, w.most, w.bias, w.offset, out.numpy())
        over_rows(lambda start, end: fixed_point.multiply(inputs, *weights, start, end), x.shape[0], weight.numel(), 1)
        return out.to(x.device)

    def conv(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution, by Winograd's F(2, 3) along the width where the unit does so."""
        if not (self.winograd and is_dense(weight, geometry)):
            return ExactProducts.conv(self, x, weight, bias, geometry)
        even, odd = (
            ExactProducts.conv(self, inputs, kernel, bias, walk)
            for inputs, kernel, walk in transformed(x, weight, geometry)
        )
        return untransformed(even, odd, x.shape[-1] + 2 * geometry.pad[-1] - 2)


@dataclass(frozen=True, slots=True)
class SequentialFp16(ExactProducts):
    """An fp16 accumulator, one fused multiply-add after the other, in one or several lanes."""

    lanes: int = 1

    def rows(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return x (M, K) times the transpose of weight (N, K), plus bias (N), rounded to nearest even at each step."""
        from mlparity.engine.numerics.kernels import sequential
        from mlparity.engine.numerics.kernels.blocks import in_blocks
        from mlparity.engine.numerics.kernels.threads import over_rows

        inputs, columns = _array(x), in_blocks(_array(weight))
        offset = _array(weight.new_zeros(weight.shape[0]) if bias is None else bias)
        out = torch.empty(x.shape[0], weight.shape[0])
        view = out.numpy()
        over_rows(
            lambda start, end: sequential.multiply(inputs, columns, offset, self.lanes, view, start, end),
            x.shape[0],
            weight.numel(),
            1,
        )
        return out.to(x.device)


def is_dense(weight: Tensor, geometry: Geometry) -> bool:
    """Return whether a convolution is 3 by 3 in one group, with neither stride nor dilation."""
    g = geometry
    return weight.shape[2:] == (3, 3) and g.groups == 1 and {*g.strides, *g.dilations} == {1}

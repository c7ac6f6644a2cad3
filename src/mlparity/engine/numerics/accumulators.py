"""The accumulators: fixed point, and fp16 step by step, each a compiled kernel for the CPU, or else `device_sums`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mlparity.engine.numerics import device_sums, few_results, winograd
from mlparity.engine.numerics.exact_products import ExactProducts, check_conv
from mlparity.engine.numerics.lines import LANES, Lines, peak_of
from mlparity.engine.numerics.products import Geometry
from mlparity.engine.numerics.switch import uses_kernels

if TYPE_CHECKING:  # numba takes a second to load, and other devices never need it
    from mlparity.engine.numerics.kernels.fixed_point import FixedPointWeights
    from mlparity.engine.numerics.kernels.sequential import SequentialWeights


def _array(x: Tensor) -> NDArray[np.float32]:
    return x.detach().to("cpu", torch.float32).contiguous().numpy()


def _array_or_none(x: Tensor | None) -> NDArray[np.float32] | None:
    return None if x is None else _array(x)


@dataclass(frozen=True, slots=True)
class FixedPoint(ExactProducts):
    """32 bits with 16 below the point; see `kernels.fixed_point`. `winograd` transforms dense 3 by 3 convolutions."""

    packs = True
    winograd: bool = False

    def held(self, lines: Lines) -> Lines:
        """Return lines with infinities and NaN as the numbers that the unit reads."""
        return lines if math.isfinite(lines.peak) else lines.with_numbers(device_sums.decoded(lines.numbers))

    def each(self, lines: Lines, weights: Tensor, biases: Tensor | None, product: int = 0) -> Tensor:
        """Return lines times the transpose of weights (B, N, K), plus biases (B, N), rounded half away from zero."""
        if not uses_kernels(lines.numbers.device):
            return ExactProducts.each(self, lines, weights, biases, product)
        from mlparity.engine.numerics.kernels import fixed_point

        w = self._packed(weights, biases, product)
        arrays = (w.grown, w.units, w.bounds, w.largest, w.quads, w.bias, w.limit)
        flags = (_stay_below(lines.peak, w.greatest, fixed_point.SMALL), _stay_below(lines.peak, w.most, w.limit))
        return _run(fixed_point.multiply_each, lines, (*arrays, *flags), weights)

    def is_safe(self, lines: Lines, weights: Tensor, biases: Tensor | None, product: int) -> bool:
        """Return whether no sum reaches the limit."""
        w = self._packed(weights, biases, product)
        return bool(_stay_below(lines.peak, w.most, w.limit).all())

    def _packed(self, weights: Tensor, biases: Tensor | None, product: int) -> FixedPointWeights:
        from mlparity.engine.numerics.kernels import fixed_point

        packed: FixedPointWeights = self.cached(
            product, lambda: fixed_point.packed(_array(weights), _array_or_none(biases))
        )
        return packed

    def sums(self, lines: Lines, weight: Tensor, bias: Tensor | None, product: int = 0) -> Tensor:
        """Return lines times the transpose of weight (N, K), plus bias (N), each rounded half away from zero."""
        if not uses_kernels(lines.numbers.device):
            return device_sums.fixed_point(lines.dense(), weight, bias)
        return self.each(lines.as_one(), weight[None], None if bias is None else bias[None], product)[0]

    def conv(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution, by Winograd's F(2, 3) along the width where the unit does so."""
        if not (self.winograd and is_dense_3x3(weight, geometry)):
            return ExactProducts.conv(self, x, weight, bias, geometry)
        check_conv(x, weight, bias, geometry)
        kernels = self.cached("kernels", lambda: winograd.transformed_kernels(weight))
        planes = winograd.transformed(x, geometry)
        even, odd = self._of_planes(planes, [(kernel, bias) for kernel in kernels], x.shape[1])
        return winograd.untransformed(even, odd, x.shape[-1] + 2 * geometry.pad[-1] - 2)

    def _of_planes(
        self, planes: Tensor, kernels: Sequence[tuple[Tensor, Tensor | None]], apart: int
    ) -> tuple[Tensor, Tensor]:
        """Return the convolutions of transformed inputs with two kernels, the second of channels from `apart` on."""
        halves, firsts = self._halves(), (0, apart)
        seen = [planes[:, first : first + kernels[0][0].shape[1]] for first in firsts]
        if uses_kernels(planes.device) and few_results.pays(seen[0], *kernels[0], winograd.WALK):
            peak = peak_of(planes)
            few = [
                h.by_places(planes, peak, k, (1, 1), first) for h, k, first in zip(halves, kernels, firsts, strict=True)
            ]
            if few[0] is not None and few[1] is not None:
                return few[0], few[1]
        even, odd = (h._by_results(x, *k, winograd.WALK) for h, x, k in zip(halves, seen, kernels, strict=True))
        return even, odd

    def _halves(self) -> list[FixedPoint]:
        """Return the products for the even and for the odd columns, each with a memory of its own."""
        if self.memory is None:
            return [self, self]
        return [replace(self, memory=self.memory.setdefault(name, {})) for name in ("even", "odd")]


@dataclass(frozen=True, slots=True)
class SequentialFp16(ExactProducts):
    """An fp16 accumulator, one fused multiply-add after the other, in one lane or in `LANES`."""

    packs = True
    lanes: int = 1

    def __post_init__(self) -> None:
        """Refuse lanes that no kernel has.

        Raises:
            ValueError: they are neither one nor `LANES`.
        """
        if self.lanes not in (1, LANES):
            raise ValueError(f"sums in fp16 have 1 lane or {LANES}; found {self.lanes}")

    def factor(self, device: torch.device) -> float:
        """Return what the kernel takes numbers times; 1 on other devices."""
        from mlparity.engine.numerics.kernels.fp16_tile import FACTOR

        return FACTOR if uses_kernels(device) else 1.0

    def each(self, lines: Lines, weights: Tensor, biases: Tensor | None, product: int = 0) -> Tensor:
        """Return lines times the transpose of weights (B, N, K), plus biases (B, N), rounded at each step."""
        if not uses_kernels(lines.numbers.device):
            return ExactProducts.each(self, lines, weights, biases, product)
        from mlparity.engine.numerics.kernels import sequential

        w = self._packed(lines, weights, biases, product)
        arrays = (w.blocks, w.largest, w.bias, w.limit, sequential.TINY)
        lanewise = lines.part(lines.offsets[sequential.by_lanes(lines.offsets.size, self.lanes)])
        is_safe = _stay_below(lines.peak, w.most, w.limit)
        return _run(sequential.multiply_each, lanewise, (*arrays, self.lanes, is_safe), weights)

    def is_safe(self, lines: Lines, weights: Tensor, biases: Tensor | None, product: int) -> bool:
        """Return whether no partial sum passes 65504."""
        w = self._packed(lines, weights, biases, product)
        return bool(_stay_below(lines.peak, w.most, w.limit).all())

    def _packed(self, lines: Lines, weights: Tensor, biases: Tensor | None, product: int) -> SequentialWeights:
        from mlparity.engine.numerics.kernels import sequential

        def pack() -> SequentialWeights:
            order = sequential.by_lanes(lines.offsets.size, self.lanes)
            return sequential.packed(_array(weights)[..., order], _array_or_none(biases), lines.scale)

        packed: SequentialWeights = self.cached(product, pack)
        return packed

    def sums(self, lines: Lines, weight: Tensor, bias: Tensor | None, product: int = 0) -> Tensor:
        """Return lines times the transpose of weight (N, K), plus bias (N), rounded to nearest even at each step."""
        if not uses_kernels(lines.numbers.device):
            return device_sums.sequential_fp16(lines.dense(), weight, bias, self.lanes)
        return self.each(lines.as_one(), weight[None], None if bias is None else bias[None], product)[0]


def _stay_below(peak: float, sizes: NDArray[np.float64], limits: float | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where numbers up to `peak` times weights of these sizes stay below limits; never where one is NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        return peak * sizes < limits


def _run(kernel: Callable[..., Any], lines: Lines, packed: tuple[Any, ...], weights: Tensor) -> Tensor:
    """Return what a kernel makes of lines (B, M) and of weights (B, N, K): (B, M, N)."""
    from mlparity.engine.numerics.kernels.threads import over_rows
    from mlparity.engine.numerics.kernels.vectors import ROWS

    out = torch.empty(*lines.starts.shape, weights.shape[1])
    seen, view = (lines.numbers.numpy(), lines.starts, lines.offsets, lines.by_channel), out.numpy()
    products = weights.shape[1] * weights.shape[2]
    if lines.starts.size:
        over_rows(lambda start, end: kernel(*seen, *packed, view, start, end), lines.starts.size, products, ROWS)
    return out


def is_dense_3x3(weight: Tensor, geometry: Geometry) -> bool:
    """Return whether a convolution is 3 by 3 in one group, with neither stride nor dilation."""
    g = geometry
    return weight.shape[2:] == (3, 3) and g.groups == 1 and {*g.strides, *g.dilations} == {1}

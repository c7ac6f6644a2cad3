"""Every sum of products as rows times columns, for accumulators that PyTorch has not."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mlparity.engine.numerics import few_results, transposed
from mlparity.engine.numerics.lines import COLUMNS, Lines, channel_patches, lines_of, patches, peak_of
from mlparity.engine.numerics.products import Geometry, Products
from mlparity.engine.numerics.switch import uses_kernels

_BY_PLACES = -1
"""What tells a product's weights, spread over places, from the same weights by result."""


@dataclass(frozen=True, slots=True)
class ExactProducts(Products):
    """Products of fp16 values held in fp32, each sum rounded to fp16 as the accumulator of `sums` does.

    `by_channel` says that `sums` takes lines by channel, `packs` that weights are read in any floating type, and once
    where what is made of them is kept. No gradient passes through.
    """

    plain = False
    rounds = True
    by_channel = True
    packs = False
    memory: dict[Any, Any] | None = field(default=None, compare=False, repr=False)

    def caching(self) -> ExactProducts:
        """Return the same products for one op whose weights never change: what is made of them is kept."""
        return replace(self, memory={})

    def cached(self, key: int | str, pack: Callable[[], Any]) -> Any:
        """Return what `pack` makes of the weights, made once where these are products of one op."""
        if self.memory is None:
            return pack()
        if key not in self.memory:
            self.memory[key] = pack()
        return self.memory[key]

    def factor(self, device: torch.device) -> float:  # noqa: ARG002  # for those that override it
        """Return what numbers of lines on a device are multiplied by for `sums`: a power of two."""
        return 1.0

    def held(self, lines: Lines) -> Lines:
        """Return lines as `sums` reads them."""
        return lines

    @abstractmethod
    def sums(self, lines: Lines, weight: Tensor, bias: Tensor | None, product: int = 0) -> Tensor:
        """Return the sums of M lines times the rows of weight (N, K), plus bias (N): (M, N). K is summed in order.

        The result may be on another device than the lines. `product` tells the several products of one op apart.
        """

    def each(self, lines: Lines, weights: Tensor, biases: Tensor | None, product: int = 0) -> Tensor:
        """Return `sums` of several matrices: lines (B, M), weights (B, N, K) and biases (B, N) give (B, M, N).

        Kernels take fewer weights too, in turn.
        """
        first = product * weights.shape[0]
        starts = [None] * len(weights) if biases is None else list(biases)
        parts = [
            self.sums(lines.matrix(n), w, b, first + n) for n, (w, b) in enumerate(zip(weights, starts, strict=True))
        ]
        return torch.stack(parts)

    def rows(self, x: Tensor, weight: Tensor, bias: Tensor | None, product: int = 0) -> Tensor:
        """Return x (M, K) times the transpose of weight (N, K), plus bias (N): (M, N); see `sums`."""
        return self._checked(self._lines(x), weight, bias, product).to(x.device)

    def _lines(self, x: Tensor) -> Lines:
        """Return the rows of x (M, K) as `sums` reads them."""
        return self.held(lines_of(x, self.factor(x.device)))

    def _checked(self, lines: Lines, weight: Tensor, bias: Tensor | None, product: int = 0) -> Tensor:
        """Return `sums` of what fits together: a kernel would read past the end of what does not.

        Raises:
            ValueError: the weights are for lines of another length, or the bias for other weights.
        """
        _check(lines, weight, bias)
        return self.sums(lines, weight, bias, product)

    def _checked_each(self, lines: Lines, weights: Tensor, biases: Tensor | None) -> Tensor:
        """Return `each` of what fits together; see `_checked`."""
        _check(lines, weights, biases)
        return self.each(lines, weights, biases)

    def conv(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution; each sum runs over channels, and within one over the kernel (assumed).

        Raises:
            ValueError: see `check_conv`.
        """
        check_conv(x, weight, bias, geometry)
        return self._conv(x, weight, bias, geometry)

    def _conv(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        x, geometry = _unstrided(x, weight, geometry)
        if self.by_channel and uses_kernels(x.device) and few_results.pays(x, weight, bias, geometry):
            planes = few_results.planes_of(x, geometry.pad)
            found = self.by_places(planes, peak_of(planes), (weight, bias), geometry.dilations)
            if found is not None:
                return found
        return self._by_results(x, weight, bias, geometry)

    def is_safe(self, lines: Lines, weights: Tensor, biases: Tensor | None, product: int) -> bool:  # noqa: ARG002  # for those that override it
        """Return whether `each` of the same sums all lines by tile, whatever their numbers are below the peak."""
        return False

    def by_places(
        self,
        planes: Tensor,
        peak: float,
        kernels: tuple[Tensor, Tensor | None],
        dilations: Sequence[int],
        first: int = 0,
    ) -> Tensor | None:
        """Return a convolution of planes (n, C, *d) without strides, summed at sixteen places at a time.

        Kernels are the weight (N, c, *k) and the bias; channels those from `first` on. None where a sum may be too
        large for a tile, since only lines by result are looked at one by one.
        """
        weight, bias = kernels
        lines, places = few_results.lines_of_places(planes, peak, weight, dilations, first)
        weights = weight.flatten(1)[:, None].expand(-1, COLUMNS, -1)
        biases = None if bias is None else bias[:, None].expand(-1, COLUMNS)
        if not self.is_safe(lines, weights, biases, _BY_PLACES):
            return None
        found = places.results(self.each(lines, weights, biases, _BY_PLACES))
        return found.reshape(planes.shape[0], weight.shape[0], *places.sizes)

    def _by_results(self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution, summed for sixteen results at a time."""
        kernel, groups, factor = weight.shape[2:], geometry.groups, self.factor(x.device)
        if self.by_channel and uses_kernels(x.device) and 1 < groups == x.shape[1] == weight.shape[0]:
            lines, size = channel_patches(x, kernel, geometry, factor)
            together = self._checked(self.held(lines), weight.flatten(1), bias)
        else:
            lines, size = patches(x, kernel, geometry, factor)
            together = self._by_group(self.held(lines), weight.flatten(1), bias, groups)
        return together.to(x.device).reshape(x.shape[0], *size, weight.shape[0]).movedim(-1, 1)

    def _by_group(self, lines: Lines, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        """Return sums (M, N) of lines whose channels are of so many groups; weight is (N, K of one group)."""
        if groups == 1:
            return self._checked(lines, weight, bias)
        size = lines.offsets.size // groups
        of_one = lines.part(lines.offsets[:size]).shifted(lines.offsets[::size] - lines.offsets[0])
        biases = None if bias is None else bias.reshape(groups, -1)
        parts = self._checked_each(of_one, weight.reshape(groups, -1, weight.shape[1]), biases)
        return parts.movedim(0, 1).reshape(lines.starts.size, weight.shape[0])

    def conv_transpose(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry, lacking: Sequence[int]
    ) -> Tensor:
        """Return the transposed convolution: each result sums the products with the kernel, none with zeros between.

        The inputs come in order of channels, and within one of their places (assumed).
        """
        turned = weight.reshape(geometry.groups, -1, *weight.shape[1:]).transpose(1, 2).flatten(0, 1)
        axes = transposed.axes_of(x, weight, geometry, lacking)
        out = x.new_empty(x.shape[0], turned.shape[0], *(axis.result for axis in axes))
        for number, part in enumerate(transposed.parts_of(axes)):
            places = [slice(along.first, None, axis.stride) for along, axis in zip(part, axes, strict=True)]
            out[(slice(None), slice(None), *places)] = self._part(number, part, (x, turned, bias), geometry.groups)
        return out

    def _part(
        self,
        number: int,
        part: Sequence[transposed.Along],
        tensors: tuple[Tensor, Tensor, Tensor | None],
        groups: int,
    ) -> Tensor:
        """Return one part of the results of a transposed convolution of x with a turned kernel (N, C, *k)."""
        x, turned, bias = tensors
        if not all(along.taps for along in part):
            start = x.new_zeros(turned.shape[0]) if bias is None else bias
            sizes = [along.count for along in part]
            return start.reshape(-1, *(1 for _ in sizes)).expand(x.shape[0], -1, *sizes)
        memory = None if self.memory is None else self.memory.setdefault(f"part {number}", {})
        ones, zeros = tuple(1 for _ in part), tuple(0 for _ in part)
        geometry = Geometry(ones, zeros, tuple(along.dilation for along in part), groups)
        kernel = transposed.kernel_of(turned, part)
        # Of a transform of transposed convolutions nothing is known.
        return ExactProducts._conv(replace(self, memory=memory), transposed.seen(x, part), kernel, bias, geometry)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return x times the transpose of `weight`, plus `bias`, in order of x's last axis."""
        return self.rows(x.reshape(-1, x.shape[-1]), weight, bias).reshape(*x.shape[:-1], -1)

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the product of the innermost matrices, matrix by matrix."""
        left = x.unsqueeze(0) if x.ndim == 1 else x
        right = y.unsqueeze(1) if y.ndim == 1 else y
        result = self._matrices(left, right)
        result = result.squeeze(-1) if y.ndim == 1 else result
        return result.squeeze(-1 if y.ndim == 1 else -2) if x.ndim == 1 else result

    def _matrices(self, left: Tensor, right: Tensor) -> Tensor:
        if right.ndim == 2:
            return self.linear(left, right.mT, None)
        batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        lefts = left.expand(*batch, *left.shape[-2:]).reshape(-1, *left.shape[-2:])
        rights = right.expand(*batch, *right.shape[-2:]).reshape(-1, *right.shape[-2:])
        if lefts.shape[0] == 0:
            return left.new_empty(*batch, left.shape[-2], right.shape[-1])
        together = self._lines(lefts.flatten(0, 1))
        lines = replace(together, starts=together.starts.reshape(lefts.shape[:2]))
        product = self._checked_each(lines, rights.mT, None).to(left.device)
        return product.reshape(*batch, left.shape[-2], right.shape[-1])

    def einsum(self, equation: str, values: Sequence[Tensor]) -> Tensor:
        """Return the product of two tensors by Einstein's notation, where each letter is in one, or in both.

        Raises:
            ValueError: not two tensors, or a letter that is twice in one of them or summed over in one alone.
        """
        inputs, result = equation.replace(" ", "").split("->")
        names = inputs.split(",")
        left, right = names if len(names) == 2 else ("", "")
        batch = [letter for letter in left if letter in right and letter in result]
        shared = [letter for letter in left if letter in right and letter not in result]
        rows, columns = [e for e in left if e not in right], [e for e in right if e not in left]
        if len(names) != 2 or sorted(result) != sorted((*batch, *rows, *columns)) or len(set(result)) != len(result):
            raise ValueError(f"the equation {equation!r} is no product of two tensors")
        a = values[0].permute(*(left.index(letter) for letter in (*batch, *rows, *shared)))
        b = values[1].permute(*(right.index(letter) for letter in (*batch, *shared, *columns)))
        sizes = np.broadcast_shapes(a.shape[: len(batch)], b.shape[: len(batch)])
        row_sizes, column_sizes = a.shape[len(batch) : len(batch) + len(rows)], b.shape[len(batch) + len(shared) :]
        product = self.matmul(
            a.reshape(*a.shape[: len(batch)], math.prod(row_sizes), -1),
            b.reshape(*b.shape[: len(batch)], -1, math.prod(column_sizes)),
        ).reshape(*sizes, *row_sizes, *column_sizes)
        order = [*batch, *rows, *columns]
        return product.permute(*(order.index(letter) for letter in result))

    def attention(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Return the attention in its parts: the scores and the result are sums, the softmax is rounded (assumed)."""
        matmul = replace(self, memory=None).matmul  # keys and values are two matrices, and neither is kept
        scores = matmul(query, key.mT) / math.sqrt(query.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype is torch.bool else scores + mask
        weights = scores.softmax(-1).to(torch.float16).to(scores.dtype)
        return matmul(weights, value)


def _unstrided(x: Tensor, weight: Tensor, g: Geometry) -> tuple[Tensor, Geometry]:
    """Return the inputs that a kernel of one place sees, without strides; of other kernels everything as it is."""
    if {*weight.shape[2:]} != {1} or {*g.strides} == {1} or any(g.pad):
        return x, g
    seen = x[(slice(None), slice(None), *(slice(None, None, stride) for stride in g.strides))]
    return seen, replace(g, strides=tuple(1 for _ in g.strides))


def check_conv(x: Tensor, weight: Tensor, bias: Tensor | None, g: Geometry) -> None:
    """Refuse a convolution whose kernel, bias or channels do not fit x: a kernel would read past the end.

    Raises:
        ValueError: as said.
    """
    spans = [(k - 1) * apart for k, apart in zip(weight.shape[2:], g.dilations, strict=True)]
    is_seen = all(size + 2 * pad > span for size, pad, span in zip(x.shape[2:], g.pad, spans, strict=True))
    channels = weight.shape[1] * g.groups == x.shape[1] and weight.shape[0] % g.groups == 0
    if not (is_seen and channels and (bias is None or bias.shape == weight.shape[:1])):
        shapes = [list(tensor.shape) for tensor in (weight, bias) if tensor is not None]
        raise ValueError(f"inputs of shape {list(x.shape)} do not fit weights and bias of shapes {shapes} with {g}")


def _check(lines: Lines, weights: Tensor, bias: Tensor | None) -> None:
    """Refuse weights (N, K) or (B, N, K) for lines of another length or number, and a bias for other weights."""
    fits = weights.shape[-1] == lines.offsets.size and weights.shape[:-2] == lines.starts.shape[:-1]
    if not fits or (bias is not None and bias.shape != weights.shape[:-1]):
        shapes = [list(tensor.shape) for tensor in (weights, bias) if tensor is not None]
        raise ValueError(f"lines of {lines.offsets.size} numbers do not fit weights and bias of shapes {shapes}")

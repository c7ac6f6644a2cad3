"""Fourier transforms as products with tables of cosines and sines, on pairs of real tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from mlparity.targets.exported.complex import Pairs, Part, Parts, Rule

_aten = torch.ops.aten

_POWER_OF_SIZE = {0: 0.0, 1: -0.5, 2: -1.0}
"""By which power of the number of elements each of PyTorch's normalizations scales.

Source: aten/src/ATen/native/SpectralOpsUtils.h, `fft_norm_mode`.
"""


def _real_to_complex(pairs: Pairs, x: fx.Node, dims: Sequence[int], normalization: int, onesided: bool) -> Any:
    sizes = [_size(x, dim) for dim in dims]
    cosines, sines = _tables(sizes[-1], -1)
    kept = sizes[-1] // 2 + 1 if onesided else sizes[-1]
    scale = math.prod(sizes) ** _POWER_OF_SIZE[normalization]
    made = tuple(_along(pairs, x, dims[-1], table[:, :kept] * scale) for table in (cosines, sines))
    return _through(pairs, made, dims[:-1], -1)


def _complex_to_complex(pairs: Pairs, x: fx.Node, dims: Sequence[int], normalization: int, forward: bool) -> Any:
    scale = math.prod(_size(x, dim) for dim in dims) ** _POWER_OF_SIZE[normalization]
    return _through(pairs, pairs.parts(x), dims, -1 if forward else 1, scale)


def _complex_to_real(pairs: Pairs, x: fx.Node, dims: Sequence[int], normalization: int, last: int) -> Any:
    """Return the sum of the waves: each but the constant one, and the fastest of an even count, stands for two."""
    sizes = [*(_size(x, dim) for dim in dims[:-1]), last]
    scale = math.prod(sizes) ** _POWER_OF_SIZE[normalization]
    kept = last // 2 + 1
    twice = np.full((kept, 1), 2.0)
    twice[0] = 1
    if last % 2 == 0:
        twice[-1] = 1
    cosines, sines = (table[:kept] * twice * scale for table in _tables(last, 1))
    real, imaginary = _through(pairs, pairs.parts(x), dims[:-1], 1)
    waves = _along(pairs, real, dims[-1], cosines)
    if not isinstance(imaginary, fx.Node):
        return waves
    return pairs.emit(_aten.sub.Tensor, waves, _along(pairs, imaginary, dims[-1], sines))


def _through(pairs: Pairs, parts: Parts, dims: Sequence[int], sign: int, scale: float = 1.0) -> Parts:
    """Transform along each axis: (a + bi)(cos + i sin)."""
    real, imaginary = parts
    for dim in dims:
        assert isinstance(real, fx.Node)  # noqa: S101 - what is transformed is a tensor
        cosines, sines = (table * scale for table in _tables(_size(real, dim), sign))
        scale = 1.0
        turned = _along(pairs, real, dim, cosines), _along(pairs, real, dim, sines)
        if isinstance(imaginary, fx.Node):
            other = _along(pairs, imaginary, dim, sines), _along(pairs, imaginary, dim, cosines)
            real = pairs.emit(_aten.sub.Tensor, turned[0], other[0])
            imaginary = pairs.emit(_aten.add.Tensor, turned[1], other[1])
        else:
            real, imaginary = turned
    return real, imaginary


def _along(pairs: Pairs, x: Part, dim: int, table: np.ndarray) -> Any:
    """Multiply the elements along an axis by a table."""
    assert isinstance(x, fx.Node)  # noqa: S101 - what is transformed is a tensor
    rank = _value(x).ndim
    held = pairs.constant(torch.from_numpy(table.astype(np.float32)), x)
    if dim % rank == rank - 1:
        return pairs.emit(_aten.matmul.default, x, held)
    last = pairs.emit(_aten.transpose.int, x, dim, -1)
    return pairs.emit(_aten.transpose.int, pairs.emit(_aten.matmul.default, last, held), dim, -1)


def _tables(size: int, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cosines and sines of a transform, symmetric in their axes, with the angles reduced before rounding."""
    angles = 2 * np.pi * (np.outer(np.arange(size), np.arange(size)) % size) / size
    return np.cos(angles), sign * np.sin(angles)


def _size(x: fx.Node, dim: int) -> int:
    return int(_value(x).shape[dim])


def _value(x: fx.Node) -> Tensor:
    value = x.meta["val"]
    assert isinstance(value, Tensor)  # noqa: S101 - an argument of a transform is a tensor
    return value


FOURIER: dict[object, Rule] = {
    _aten._fft_r2c.default: _real_to_complex,
    _aten._fft_c2c.default: _complex_to_complex,
    _aten._fft_c2r.default: _complex_to_real,
}
"""The three ops that PyTorch writes all its transforms in."""

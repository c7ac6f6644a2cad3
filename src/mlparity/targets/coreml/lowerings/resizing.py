"""Resizing of images that MIL lacks: filters as products with constant matrices, repetition by indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from coremltools.converters.mil import Builder as mb  # noqa: N813 - the name that coremltools' documents use
from coremltools.converters.mil.frontend.torch.ops import upsample_nearest2d as nearest_of_coremltools

from mlparity.targets.coreml.lowerings.call import Call, Var, lowering

_PLAIN = "self output_size align_corners scales_h scales_w"
_VECTOR = "self output_size align_corners scale_factors"
_aten = torch.ops.aten

Resize = Callable[..., torch.Tensor]


@lowering("upsample_bicubic2d", _PLAIN)
def upsample_bicubic2d(call: Call) -> Var:
    """Lower bicubic resizing to a size, or by factors."""
    return _resized(call, _aten.upsample_bicubic2d.default)


@lowering("upsample_bicubic2d.vec", _VECTOR)
def upsample_bicubic2d_vec(call: Call) -> Var:
    """Lower bicubic resizing as `torch.nn.functional.interpolate` calls it."""
    return _resized(call, _aten.upsample_bicubic2d.default)


@lowering("_upsample_bicubic2d_aa", _PLAIN)
def upsample_bicubic2d_aa(call: Call) -> Var:
    """Lower bicubic resizing with a low-pass filter."""
    return _resized(call, _aten._upsample_bicubic2d_aa.default)


@lowering("_upsample_bicubic2d_aa.vec", _VECTOR)
def upsample_bicubic2d_aa_vec(call: Call) -> Var:
    """Lower bicubic resizing with a low-pass filter as `torch.nn.functional.interpolate` calls it."""
    return _resized(call, _aten._upsample_bicubic2d_aa.default)


@lowering("_upsample_bilinear2d_aa", _PLAIN, replaces=True)
def upsample_bilinear2d_aa(call: Call) -> Var:
    """Lower bilinear resizing with a low-pass filter; coremltools' own leaves the filter out."""
    return _resized(call, _aten._upsample_bilinear2d_aa.default)


@lowering("_upsample_bilinear2d_aa.vec", _VECTOR, replaces=True)
def upsample_bilinear2d_aa_vec(call: Call) -> Var:
    """Lower it as `torch.nn.functional.interpolate` calls it."""
    return _resized(call, _aten._upsample_bilinear2d_aa.default)


@lowering("upsample_nearest2d", "self output_size scales_h scales_w", replaces=True)
def upsample_nearest2d(call: Call) -> Any:
    """Lower repetition by factors that are no whole numbers; coremltools' own takes other pixels than PyTorch there."""
    return _picked(call)


@lowering("upsample_nearest2d.vec", "self output_size scale_factors", replaces=True)
def upsample_nearest2d_vec(call: Call) -> Any:
    """Lower it as `torch.nn.functional.interpolate` calls it."""
    return _picked(call)


def _picked(call: Call) -> Any:
    """Gather rows and columns by the indices that PyTorch takes them from; whole factors are left to coremltools."""
    x, factors = call.tensor("self"), _factors(call)
    if all(factor is None or float(factor).is_integer() for factor in factors):
        return nearest_of_coremltools(call.context, call.node)
    height, width = (int(size) for size in x.shape[2:])
    rows, columns = _sizes(call, (height, width), factors)
    tall = mb.gather(x=x, indices=_indices(height, rows, factors[0]), axis=2)
    return mb.gather(x=tall, indices=_indices(width, columns, factors[1]), axis=3, name=call.node.name)


def _indices(length: int, wanted: int, factor: float | None) -> np.ndarray:
    """Return from where PyTorch takes each of the wanted elements along one axis."""
    numbers = torch.arange(length, dtype=torch.float32).reshape(1, 1, length, 1)
    return np.asarray(
        _aten.upsample_nearest2d.default(numbers, [wanted, 1], factor, None).numpy().reshape(-1), np.int32
    )


def _resized(call: Call, resize: Resize) -> Var:
    """Multiply by one matrix for the rows and one for the columns: these resizes are linear and separable."""
    x, align = call.tensor("self"), bool(call.constant("align_corners"))
    height, width = (int(size) for size in x.shape[2:])
    factors = _factors(call)
    rows, columns = _sizes(call, (height, width), factors)
    down = _matrix(resize, height, rows, align, factors[0])
    across = _matrix(resize, width, columns, align, factors[1])
    tall = mb.matmul(x=down[None, None], y=x)
    return mb.matmul(x=tall, y=np.ascontiguousarray(across.T)[None, None], name=call.node.name)


def _factors(call: Call) -> tuple[float | None, float | None]:
    """Return the factors by which the caller resizes; the call has none, two, or (in a trace) a vector of two."""
    vector = call.constant("scale_factors")
    if vector is None and isinstance(call.constant("scales_h"), list):
        vector = call.constant("scales_h")
    given = vector if vector is not None else [call.constant("scales_h"), call.constant("scales_w")]
    return given[0], given[1]


def _sizes(call: Call, size: tuple[int, int], factors: tuple[float | None, float | None]) -> tuple[int, int]:
    wanted: Any = call.constant("output_size")
    if wanted is not None:
        return int(wanted[0]), int(wanted[1])
    if factors[0] is None or factors[1] is None:
        raise ValueError(f"{call.node.kind} has neither a size nor factors")
    return int(size[0] * factors[0]), int(size[1] * factors[1])


def _matrix(resize: Resize, length: int, wanted: int, align: bool, factor: float | None) -> np.ndarray:
    """Return what `resize` does along one axis (wanted, length): its response to each unit vector, from PyTorch."""
    units = torch.eye(length, dtype=torch.float64)[None, None]
    response = resize(units, [wanted, length], align, factor, None)
    return np.asarray(response[0, 0].to(torch.float32).numpy())

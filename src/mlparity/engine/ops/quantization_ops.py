"""MIL's affine quantization of activations.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS17/quantization_ops.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mlparity.engine.ops.constexpr_ops import along_axis
from mlparity.engine.ops.registry import Rounding, mil_op

_RANGES = {"int8": (-128, 127), "uint8": (0, 255)}


@mil_op("dequantize", since=17, rounding=Rounding.ELEMENT)
def dequantize(input: Tensor, scale: Tensor, zero_point: Tensor | None = None, axis: int | None = None) -> Tensor:  # noqa: A002 - MIL's name
    """Return scale * (input - zero_point); vectors run along `axis`.

    Types: the result has the type of `scale`.
    Raises: ValueError for a vector without an axis or of another length.
    """
    wide = input.to(scale.dtype)
    shifted = wide if zero_point is None else wide - _spread(zero_point, input, axis).to(scale.dtype)
    return _spread(scale, input, axis) * shifted


@mil_op("quantize", since=17, rounding=Rounding.NONE)
def quantize(
    input: Tensor,  # noqa: A002 - MIL's name
    scale: Tensor,
    output_dtype: str,
    zero_point: Tensor | None = None,
    axis: int | None = None,
) -> Tensor:
    """Return clip(round(input / scale) + zero_point), rounding to nearest even; vectors run along `axis`.

    NaN becomes 0: assumed. Types: the result is held as int32.
    Raises: ValueError for another type than "int8" or "uint8", or a vector without an axis or of another length.
    """
    if output_dtype not in _RANGES:
        raise ValueError(f"a quantization to {output_dtype!r}; expected 'int8' or 'uint8'")
    steps = (input / _spread(scale, input, axis)).round()
    if zero_point is not None:
        steps = steps + _spread(zero_point, input, axis).to(steps.dtype)
    return steps.clamp(*_RANGES[output_dtype]).nan_to_num().to(torch.int32)


def _spread(parameter: Tensor, data: Tensor, axis: int | None) -> Tensor:
    if axis is None and parameter.ndim > 0:
        raise ValueError(f"a parameter of the shape {list(parameter.shape)} without an axis")
    return along_axis(parameter, data, 0 if axis is None else axis)

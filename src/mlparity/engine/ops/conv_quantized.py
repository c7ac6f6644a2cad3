"""MIL's convolution over weights of eight bits or fewer.

Source: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15/conv.py`, which calls it experimental and gives the formula
`W * scale + bias` for linear weights alone. No converter of coremltools 9.0 writes it.
"""

from __future__ import annotations

from torch import Tensor

from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.conv import conv
from mlparity.engine.ops.registry import Rounding, mil_op

_MAX_BITS = 8


@mil_op("conv_quantized", rounding=Rounding.REDUCE)
def conv_quantized(
    x: Tensor,
    weight: Tensor,
    quantization_type: str,
    quant_scale: Tensor,
    quant_bias: Tensor,
    bias: Tensor | None = None,
    nbits: int = 8,
    strides: tuple[int, ...] | None = None,
    pad_type: str = "valid",
    pad: tuple[int, ...] | None = None,
    dilations: tuple[int, ...] | None = None,
    groups: int = 1,
    *,
    num: Numerics,
) -> Tensor:
    """Return the convolution of `x` with `weight` * `quant_scale` + `quant_bias`, plus `bias`.

    Shape: as for `conv`; scale and bias hold one number, or one for each output channel. Types: weights are uint8,
    one value in each byte whatever `nbits` is (assumed).

    Raises:
        ValueError: the quantization is "lut", whose table the definition does not say, or `nbits` is not 1 to 8;
            otherwise as for `conv`.
    """
    if quantization_type != "linear":
        raise ValueError(f"quantization {quantization_type!r}; the definition gives a formula for 'linear' alone")
    if not 1 <= nbits <= _MAX_BITS:
        raise ValueError(f"weights of {nbits} bits, expected 1 to {_MAX_BITS}")
    scale, shift = (values.reshape(-1, *[1] * (weight.ndim - 1)) for values in (quant_scale, quant_bias))
    dense = weight.to(num.compute) * scale.to(num.compute) + shift.to(num.compute)
    added = None if bias is None else bias.to(num.compute)
    return conv(x, dense, added, strides, pad_type, pad, dilations, groups, num=num)

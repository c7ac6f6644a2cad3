"""Calls of `conv_quantized`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases.arrays import normal
from tests.cases.case import Case


def quantized(*kernel: int, channels: tuple[int, int] = (2, 3), **more: object) -> dict[str, object]:
    """Return the inputs of a call with one scale for all channels."""
    taken, given = channels
    weight = np.random.default_rng(3).integers(0, 256, (given, taken, *kernel), dtype=np.uint8)
    fixed = {
        "quantization_type": "linear",
        "quant_scale": np.array(1 / 128, np.float32),
        "quant_bias": np.array(-1, np.float32),
    }
    return {"x": normal(2, taken, *(size + 4 for size in kernel)), "weight": weight, **fixed, **more}


CHANNELS: dict[str, Any] = {
    "quant_scale": np.array([0.5, 0.25, 2], np.float32),
    "quant_bias": np.array([-64, 0, 3], np.float32),
}
FEW: dict[str, Any] = {"nbits": 2, "weight": np.random.default_rng(4).integers(0, 4, (3, 2, 3, 2), dtype=np.uint8)}

CASES = (
    *(Case("conv_quantized", quantized(*kernel), note="linear") for kernel in ((3,), (3, 2), (2, 2, 3))),
    Case("conv_quantized", quantized(3, 2, **CHANNELS), note="a scale for each channel"),
    Case("conv_quantized", quantized(3, 2, **FEW), note="two bits"),
    Case("conv_quantized", quantized(3, bias=np.array([1, 0, 200], np.uint8)), note="a bias of bytes"),
    Case("conv_quantized", quantized(3, 2, strides=(2, 1), pad_type="same", dilations=(1, 2)), note="geometry"),
    Case("conv_quantized", {**quantized(3), "x": normal(0, 2, 7)}, note="no sample"),
    Case("conv_quantized", {**quantized(3), "x": np.full((1, 2, 7), np.nan, np.float32)}, note="NaN"),
    Case("conv_quantized", quantized(3, quantization_type="lut"), raises=ValueError),
    Case("conv_quantized", quantized(3, nbits=9), raises=ValueError),
    Case("conv_quantized", quantized(3, nbits=0), raises=ValueError),
)

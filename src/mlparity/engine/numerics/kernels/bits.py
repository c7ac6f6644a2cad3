"""Bit patterns of fp32 numbers, and rounding to fp16's, inside compiled kernels."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def bits_of(_typing: Any, _x: Any) -> Any:
    """Return the bits of an fp32 number as int32."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.IntType(32))

    return types.int32(types.float32), build


@intrinsic
def number_of(_typing: Any, _bits: Any) -> Any:
    """Return the fp32 number that has these bits."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.FloatType())

    return types.float32(types.int32), build


@intrinsic
def fp16_of(_typing: Any, _x: Any) -> Any:
    """Round an fp32 number to fp16's, to nearest even; overflow to infinity, subnormals kept."""

    def build(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.fpext(builder.fptrunc(values[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.float32), build

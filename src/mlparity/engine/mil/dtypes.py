"""MIL's scalar types as one table: spec number, name, numpy type, width in bits.

Source: coremltools 9.0, `mlmodel/format/MIL.proto` (`DataType`) for the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import ml_dtypes
import numpy as np


@dataclass(frozen=True, slots=True)
class ScalarType:
    """One MIL scalar type; `holder` is the numpy type that its values are unpacked to."""

    number: int
    name: str
    holder: np.dtype[np.generic]
    bits: int

    @property
    def is_packed(self) -> bool:
        """Whether several values share a byte."""
        return self.bits < 8 and self.name != "bool"


def _row(number: int, name: str, holder: object, bits: int) -> ScalarType:
    return ScalarType(number, name, np.dtype(holder), bits)  # type: ignore[call-overload]


SCALAR_TYPES = (
    _row(1, "bool", np.bool_, 8),
    _row(2, "string", np.object_, 0),
    _row(10, "fp16", np.float16, 16),
    _row(11, "fp32", np.float32, 32),
    _row(12, "fp64", np.float64, 64),
    _row(13, "bf16", ml_dtypes.bfloat16, 16),
    _row(21, "int8", np.int8, 8),
    _row(22, "int16", np.int16, 16),
    _row(23, "int32", np.int32, 32),
    _row(24, "int64", np.int64, 64),
    _row(25, "int4", np.int8, 4),
    _row(31, "uint8", np.uint8, 8),
    _row(32, "uint16", np.uint16, 16),
    _row(33, "uint32", np.uint32, 32),
    _row(34, "uint64", np.uint64, 64),
    _row(35, "uint4", np.uint8, 4),
    _row(36, "uint2", np.uint8, 2),
    _row(37, "uint1", np.uint8, 1),
    _row(38, "uint6", np.uint8, 6),
    _row(39, "uint3", np.uint8, 3),
    _row(40, "fp8e4m3fn", ml_dtypes.float8_e4m3fn, 8),
    _row(41, "fp8e5m2", ml_dtypes.float8_e5m2, 8),
)

FLOATS = frozenset({"fp16", "fp32", "fp64", "bf16", "fp8e4m3fn", "fp8e5m2"})
"""The names of the floating types."""

BY_NUMBER = {row.number: row for row in SCALAR_TYPES}
BY_NAME = {row.name: row for row in SCALAR_TYPES}


def unpack(raw: np.ndarray, scalar: ScalarType, count: int) -> np.ndarray:
    """Return `count` values of a packed type from bytes, least significant bits first.

    Source: coremltools 9.0, `SubByteTypes.hpp` (the packing order).
    """
    bits = np.unpackbits(raw, bitorder="little")[: count * scalar.bits].reshape(count, scalar.bits)
    values = np.zeros(count, scalar.holder)
    for position in range(scalar.bits):
        values |= bits[:, position].astype(scalar.holder) << position
    return (values ^ 8) - np.int8(8) if scalar.name == "int4" else values

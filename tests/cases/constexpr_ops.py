"""Cases of the constexpr ops and of quantization."""

from __future__ import annotations

import numpy as np

from tests.cases.arrays import f32, normal, uniform
from tests.cases.case import Case


def u8(*values: object) -> np.ndarray:
    """Return the values as uint8; one number alone gives an array without axes."""
    return np.asarray(values[0] if len(values) == 1 else values, np.uint8)


def i8(*values: object) -> np.ndarray:
    """Return the values as int8; one number alone gives an array without axes."""
    return np.asarray(values[0] if len(values) == 1 else values, np.int8)


def _bytes(*shape: int, high: int = 255, seed: int = 0) -> np.ndarray:
    return u8(np.random.default_rng(seed).integers(0, high, shape, endpoint=True))


def _refused(op: str, opset: int = 16, **inputs: object) -> Case:
    return Case(op, inputs, opset=opset, raises=ValueError)


def _at(opset: int, op: str, note: str = "", **inputs: object) -> Case:
    return Case(op, inputs, opset=opset, note=note)


DATA = _bytes(2, 3, 4)
SIGNED = DATA.astype(np.int8)
SCALES = uniform(3, low=0.1, high=2)
AFFINE = "constexpr_affine_dequantize"
BLOCKS = "constexpr_blockwise_shift_scale"
SCALED = "constexpr_sparse_blockwise_shift_scale"
TABLE = "constexpr_lut_to_dense"
SPARSE_TABLE = "constexpr_lut_to_sparse"
SPARSE = "constexpr_sparse_to_dense"

DEQUANTIZING = (
    _at(16, AFFINE, quantized_data=DATA, zero_point=u8(130), scale=f32(0.3), axis=0),
    _at(16, AFFINE, quantized_data=SIGNED, zero_point=i8([-128, 3, 127]), scale=SCALES, axis=1),
    _at(16, AFFINE, quantized_data=SIGNED, zero_point=i8(-128), scale=uniform(4, low=0.1), axis=-1),
    _at(16, AFFINE, quantized_data=DATA, zero_point=f32([1.5, 2.5]), scale=f32(2), axis=0, note="axis 0"),
    _refused(AFFINE, quantized_data=DATA, zero_point=u8(1), scale=SCALES, axis=0),
    _at(18, BLOCKS, data=_bytes(4, 6, high=15), scale=uniform(2, 3, low=0.1), offset=_bytes(2, 3, high=15, seed=1)),
    _at(
        18,
        BLOCKS,
        data=_bytes(4, 6).astype(np.int8),
        scale=uniform(4, 1, low=0.1),
        offset=i8([[-128], [127], [0], [5]]),
    ),
    _at(18, BLOCKS, data=_bytes(4, 6), scale=uniform(1, 6, low=0.1), offset=normal(1, 6)),
    _at(18, BLOCKS, data=normal(4, 6), scale=uniform(4, 6, low=0.1)),
    _refused(BLOCKS, 18, data=normal(4, 6), scale=normal(3, 1)),
    _refused(BLOCKS, 18, data=normal(4, 6), scale=normal(4)),
    _at(16, "constexpr_cast", source_val=f32([0.5, np.inf, -0.0]), output_dtype="fp32"),
    _refused("constexpr_cast", source_val=f32([0.5]), output_dtype="int32"),
    _at(17, "dequantize", input=DATA, scale=f32(0.3), zero_point=u8(130)),
    _at(17, "dequantize", input=SIGNED, scale=SCALES, zero_point=i8([-128, 3, 127]), axis=1),
    _at(17, "dequantize", input=SIGNED, scale=f32([0.5, 0.3]), axis=0, note="axis 0"),
    _refused("dequantize", 17, input=DATA, scale=SCALES),
    _refused("dequantize", 17, input=DATA, scale=SCALES, axis=2),
)

QUANTIZING = (
    _at(17, "quantize", input=normal(2, 3, scale=100), scale=f32(0.5), zero_point=i8(10), output_dtype="int8"),
    _at(
        17,
        "quantize",
        input=normal(2, 3, scale=100),
        scale=SCALES,
        zero_point=u8([0, 128, 255]),
        output_dtype="uint8",
        axis=-1,
    ),
    _at(17, "quantize", input=f32([0.5, 1.5, 2.5, -0.5, -1.5]), scale=f32(1), output_dtype="int8", note="half to even"),
    _at(17, "quantize", input=f32([np.nan, np.inf, -np.inf]), scale=f32(1), output_dtype="int8", note="not finite"),
    _at(17, "quantize", input=f32([[1, 2], [3, 4]]), scale=f32([1, 2]), output_dtype="int8", axis=0, note="axis 0"),
    _refused("quantize", 17, input=normal(2), scale=f32(1), output_dtype="int4"),
    _refused("quantize", 17, input=normal(2), scale=f32([1, 2]), output_dtype="int8"),
)

MASK = u8([[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]])
HELD = u8([0, 1, 1, 0, 1, 1, 0, 0, 1])

TABLES = (
    *(
        _at(16, TABLE, indices=_bytes(-(-bits * 11 // 8)), lut=normal(2**bits), shape=(11,), note=f"{bits} bits")
        for bits in (1, 2, 4, 6, 8)
    ),
    _at(16, TABLE, indices=_bytes(9), lut=i8(np.arange(64) - 9), shape=(2, 3, 2), note="int8"),
    _refused(TABLE, indices=_bytes(9), lut=normal(8), shape=(4,)),
    _refused(TABLE, indices=_bytes(1), lut=normal(16), shape=(3,)),
    _at(18, TABLE, indices=_bytes(4, 6, high=3), lut=normal(2, 1, 4, 1), note="a table for each block"),
    _at(18, TABLE, indices=_bytes(4, 6, high=3), lut=normal(2, 3, 4, 1), vector_axis=0),
    _at(18, TABLE, indices=_bytes(2, 2, 2, high=1), lut=normal(1, 1, 1, 2, 3), vector_axis=1),
    _at(18, TABLE, indices=_bytes(2, 2, 2, high=1), lut=normal(1, 2, 2, 2, 3), vector_axis=-1),
    _at(18, TABLE, indices=_bytes(2, 4, high=7), lut=normal(2, 2, 8, 2), vector_axis=0, note="axis 0"),
    _refused(TABLE, 18, indices=_bytes(2, 2, high=1), lut=normal(1, 1, 2, 3)),
    _refused(TABLE, 18, indices=_bytes(4, 6, high=3), lut=normal(3, 1, 4, 1)),
    _at(18, SPARSE_TABLE, indices_mask=MASK, indices_nonzero_data=HELD, lut=f32([2, 3]).reshape(1, 1, 2, 1)),
    _at(18, SPARSE_TABLE, indices_mask=MASK, indices_nonzero_data=HELD, lut=normal(2, 1, 2, 2), vector_axis=0),
    _at(18, SPARSE_TABLE, indices_mask=MASK, indices_nonzero_data=HELD, lut=normal(1, 3, 2, 3), vector_axis=-1),
)

SPARSES = (
    _at(16, SPARSE, nonzero_data=normal(3), mask=u8([0b00010110]), shape=(5,)),
    _at(16, SPARSE, nonzero_data=i8(range(9)), mask=u8([0xFF, 0x01]), shape=(3, 4)),
    _at(16, SPARSE, nonzero_data=f32([]), mask=u8([0]), shape=(2, 2), note="all zero"),
    _refused(SPARSE, nonzero_data=normal(2), mask=u8([0b00010110]), shape=(5,)),
    _refused(SPARSE, nonzero_data=normal(3), mask=u8([0b00010110]), shape=(9,)),
    _at(18, SPARSE, nonzero_data=normal(9), mask=MASK),
    _at(18, SPARSE, nonzero_data=u8(range(9)), mask=MASK),
    _refused(SPARSE, 18, nonzero_data=normal(8), mask=MASK),
    _at(18, SCALED, data_mask=MASK, nonzero_data=_bytes(9), scale=uniform(2, 3), offset=_bytes(2, 3, seed=2)),
    _at(18, SCALED, data_mask=MASK, nonzero_data=i8(range(-4, 5)), scale=uniform(1, 6)),
)

CASES = DEQUANTIZING + QUANTIZING + TABLES + SPARSES

"""Exact results of the constexpr ops and of quantization, one element at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np


def _bits(raw: np.ndarray, width: int, count: int) -> list[int]:
    """Read numbers from one long integer whose lowest byte is the first."""
    whole = int.from_bytes(raw.astype(np.uint8).tobytes(), "little")
    return [(whole >> (width * at)) & (2**width - 1) for at in range(count)]


def _block(place: Sequence[int], shape: Sequence[int], grid: Sequence[int]) -> tuple[int, ...]:
    return tuple(at * many // size for at, size, many in zip(place, shape, grid, strict=True))


def _parameter(values: np.ndarray | None, place: Sequence[int], axis: int | None) -> float:
    if values is None:
        return 0.0
    return float(values if values.ndim == 0 else values[place[axis or 0]])


def dequantized(
    data: np.ndarray, scale: np.ndarray, zero_point: np.ndarray | None = None, axis: int | None = None
) -> np.ndarray:
    result = np.zeros(data.shape)
    for at in np.ndindex(*data.shape):
        result[at] = _parameter(scale, at, axis) * (float(data[at]) - _parameter(zero_point, at, axis))
    return result


def dequantize(
    input: np.ndarray,  # noqa: A002 - MIL's name
    scale: np.ndarray,
    zero_point: np.ndarray | None = None,
    axis: int | None = None,
) -> np.ndarray:
    return dequantized(input, scale, zero_point, axis)


def quantize(
    input: np.ndarray,  # noqa: A002 - MIL's name
    scale: np.ndarray,
    output_dtype: str,
    zero_point: np.ndarray | None = None,
    axis: int | None = None,
) -> np.ndarray:
    low, high = (-128, 127) if output_dtype == "int8" else (0, 255)
    result = np.zeros(input.shape, np.int32)
    for at in np.ndindex(*input.shape):
        steps = float(input[at]) / _parameter(scale, at, axis)
        moved = min(high, max(low, steps)) if np.isinf(steps) else steps
        if not np.isnan(moved):
            result[at] = min(high, max(low, round(moved) + _parameter(zero_point, at, axis)))
    return result


def constexpr_blockwise_shift_scale(
    data: np.ndarray, scale: np.ndarray, offset: np.ndarray | None = None
) -> np.ndarray:
    result = np.zeros(data.shape)
    for at in np.ndindex(*data.shape):
        block = _block(at, data.shape, scale.shape)
        result[at] = scale[block] * (float(data[at]) - (0.0 if offset is None else float(offset[block])))
    return result


def constexpr_lut_to_dense(
    indices: np.ndarray, lut: np.ndarray, shape: Sequence[int] | None = None, vector_axis: int | None = None
) -> np.ndarray:
    """Take iOS16's packed bytes where a shape is given, iOS18's elements otherwise."""
    if shape is not None:
        width, count = len(lut).bit_length() - 1, int(np.prod(shape))
        return np.array([lut[at] for at in _bits(indices, width, count)], lut.dtype).reshape(shape)
    axis, width = (vector_axis or 0) % indices.ndim, lut.shape[-1]
    result = np.zeros([size * (width if at == axis else 1) for at, size in enumerate(indices.shape)], lut.dtype)
    for at in np.ndindex(*indices.shape):
        entry = lut[(*_block(at, indices.shape, lut.shape[:-2]), indices[at])]
        for step in range(width):
            result[(*at[:axis], at[axis] * width + step, *at[axis + 1 :])] = entry[step]
    return result


def constexpr_sparse_to_dense(
    nonzero_data: np.ndarray, mask: np.ndarray, shape: Sequence[int] | None = None
) -> np.ndarray:
    if shape is not None:
        mask = np.array(_bits(mask, 1, int(np.prod(shape)))).reshape(shape)
    rest = iter(nonzero_data.tolist())
    return np.array([next(rest) if bit else 0 for bit in mask.ravel()], nonzero_data.dtype).reshape(mask.shape)


def constexpr_lut_to_sparse(
    indices_mask: np.ndarray, indices_nonzero_data: np.ndarray, lut: np.ndarray, vector_axis: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    indices = constexpr_sparse_to_dense(indices_nonzero_data, indices_mask)
    dense = constexpr_lut_to_dense(indices, lut, vector_axis=vector_axis)
    table = np.zeros((*[1] * indices_mask.ndim, 2, lut.shape[-1]), np.uint8)
    table[..., 1, :] = 1
    mask = constexpr_lut_to_dense(indices_mask, table, vector_axis=vector_axis)
    return mask, dense[mask == 1]


def constexpr_sparse_blockwise_shift_scale(
    data_mask: np.ndarray, nonzero_data: np.ndarray, scale: np.ndarray, offset: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    dense = constexpr_sparse_to_dense(nonzero_data, data_mask)
    return data_mask, constexpr_blockwise_shift_scale(dense, scale, offset)[data_mask == 1]


ORACLES: Mapping[str, Callable[..., object]] = {
    "constexpr_affine_dequantize": lambda quantized_data, zero_point, scale, axis: dequantized(
        quantized_data, scale, zero_point, axis
    ),
    "constexpr_blockwise_shift_scale": constexpr_blockwise_shift_scale,
    "constexpr_cast": lambda source_val, output_dtype: source_val,
    "constexpr_lut_to_dense": constexpr_lut_to_dense,
    "constexpr_lut_to_sparse": constexpr_lut_to_sparse,
    "constexpr_sparse_blockwise_shift_scale": constexpr_sparse_blockwise_shift_scale,
    "constexpr_sparse_to_dense": constexpr_sparse_to_dense,
    "dequantize": dequantize,
    "quantize": quantize,
}

"""MIL's constexpr ops: weights that are stored compressed and expanded before use.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS16/constexpr_ops.py` and
`iOS18/compression.py`. Elements of less than a byte arrive unpacked, one to an element, except where iOS16 declares
plain bytes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("constexpr_affine_dequantize", since=16, rounding=Rounding.ELEMENT)
def constexpr_affine_dequantize(quantized_data: Tensor, zero_point: Tensor, scale: Tensor, axis: int) -> Tensor:
    """Return scale * (quantized_data - zero_point); vectors run along `axis`.

    Types: the result has the type of `scale`.
    """
    shift = along_axis(zero_point, quantized_data, axis).to(scale.dtype)
    return along_axis(scale, quantized_data, axis) * (quantized_data.to(scale.dtype) - shift)


@mil_op("constexpr_blockwise_shift_scale", since=18, rounding=Rounding.ELEMENT)
def constexpr_blockwise_shift_scale(data: Tensor, scale: Tensor, offset: Tensor | None = None) -> Tensor:
    """Return scale * (data - offset), with one scale and one offset for each block of `data`.

    Shape: each size of `scale` divides that of `data`; the quotients are the block's sizes.
    Types: the result has the type of `scale`.
    Raises: ValueError for other sizes.
    """
    grid, blocks = _blocks(data, tuple(scale.shape))
    wide = data.to(scale.dtype).reshape(blocks)
    shifted = wide if offset is None else wide - offset.to(scale.dtype).reshape(grid)
    return (scale.reshape(grid) * shifted).reshape(data.shape)


@mil_op("constexpr_cast", since=16, rounding=Rounding.NONE)
def constexpr_cast(source_val: Tensor, output_dtype: str) -> Tensor:
    """Widen fp16 to fp32, which changes no value.

    Raises: ValueError for another type than "fp32", the only one that MIL allows.
    """
    if output_dtype != "fp32":
        raise ValueError(f"a constant cast to {output_dtype!r}; MIL allows 'fp32'")
    return source_val


@mil_op("constexpr_lut_to_dense", since=16, rounding=Rounding.NONE)
def constexpr_lut_to_dense(indices: Tensor, lut: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Look each element up in a table; the indices are packed into bytes, the least significant bits first.

    Raises: ValueError if the table has not 2, 4, 16, 64 or 256 entries, or the bytes are too few.
    """
    bits = len(lut).bit_length() - 1
    if len(lut) not in (2, 4, 16, 64, 256):
        raise ValueError(f"a table of {len(lut)} entries; expected 2, 4, 16, 64 or 256")
    return lut.index_select(0, _unpacked(indices, bits, math.prod(shape))).reshape(shape)


@mil_op("constexpr_lut_to_dense", since=18, rounding=Rounding.NONE)
def constexpr_lut_to_dense_ios18(indices: Tensor, lut: Tensor, vector_axis: int | None = None) -> Tensor:
    """Look each element up in its block's table; an entry of several values spreads along `vector_axis`.

    Shape: indices (*d) and lut (*g, entries, V) with g dividing d give (*d), with the size at `vector_axis` times V.
    Raises: ValueError for other sizes, or vectors without an axis.
    """
    grid, blocks = _blocks(indices, tuple(lut.shape[:-2]))
    entries, width = lut.shape[-2:]
    tables = torch.arange(math.prod(lut.shape[:-2]), device=indices.device).reshape(grid)
    rows = (tables * entries + indices.to(torch.int64).reshape(blocks)).reshape(indices.shape)
    if width == 1:
        return lut.reshape(-1)[rows]
    if vector_axis is None:
        raise ValueError(f"a table of vectors of {width} without vector_axis")
    axis = vector_axis % indices.ndim
    return lut.reshape(-1, width)[rows].movedim(-1, axis + 1).flatten(axis, axis + 1)


@mil_op("constexpr_lut_to_sparse", since=18, rounding=Rounding.NONE)
def constexpr_lut_to_sparse(
    indices_mask: Tensor, indices_nonzero_data: Tensor, lut: Tensor, vector_axis: int | None = None
) -> tuple[Tensor, Tensor]:
    """Look up the elements that the mask holds; return the mask, widened by vectors, and their values in order."""
    indices = constexpr_sparse_to_dense_ios18(indices_nonzero_data, indices_mask)
    dense = constexpr_lut_to_dense_ios18(indices, lut, vector_axis)
    width = lut.shape[-1]
    mask = indices_mask if width == 1 else indices_mask.repeat_interleave(width, dim=vector_axis)
    return mask, dense[mask != 0]


@mil_op("constexpr_sparse_blockwise_shift_scale", since=18, rounding=Rounding.ELEMENT)
def constexpr_sparse_blockwise_shift_scale(
    data_mask: Tensor, nonzero_data: Tensor, scale: Tensor, offset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Shift and scale the elements that the mask holds; return the mask and their values in order."""
    dense = constexpr_sparse_to_dense_ios18(nonzero_data, data_mask)
    return data_mask, constexpr_blockwise_shift_scale(dense, scale, offset)[data_mask != 0]


@mil_op("constexpr_sparse_to_dense", since=16, rounding=Rounding.NONE)
def constexpr_sparse_to_dense(nonzero_data: Tensor, mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Put the data, in order, where a bit of the mask is set, and zero elsewhere.

    The mask is packed into bytes, the least significant bit first.
    Raises: ValueError if the bits do not cover the shape, or do not count the data.
    """
    bits = _unpacked(mask, 1, math.prod(shape)).reshape(shape)
    return constexpr_sparse_to_dense_ios18(nonzero_data, bits)


@mil_op("constexpr_sparse_to_dense", since=18, rounding=Rounding.NONE)
def constexpr_sparse_to_dense_ios18(nonzero_data: Tensor, mask: Tensor) -> Tensor:
    """Do as in iOS16, with one element of the mask for each of the result.

    Raises: ValueError if the mask does not count the data.
    """
    is_set = mask != 0
    if int(is_set.sum()) != nonzero_data.numel():
        raise ValueError(f"a mask of {int(is_set.sum())} elements for {nonzero_data.numel()} values")
    return nonzero_data.new_zeros(mask.shape).masked_scatter(is_set, nonzero_data)


def along_axis(parameter: Tensor, data: Tensor, axis: int) -> Tensor:
    """Return a vector in the shape that broadcasts along `axis` of `data`; a scalar stays one.

    Raises: ValueError if the vector has not one element for each position on the axis.
    """
    if parameter.ndim == 0:
        return parameter
    if parameter.shape != (data.shape[axis],):
        raise ValueError(f"a parameter of the shape {list(parameter.shape)} for {data.shape[axis]} on axis {axis}")
    return parameter.reshape([-1 if at == axis % data.ndim else 1 for at in range(data.ndim)])


def _blocks(data: Tensor, grid: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Return the shapes, with a pair of dimensions for each of `data`, in which a grid of blocks broadcasts."""
    if len(grid) != data.ndim or any(count == 0 or size % count for size, count in zip(data.shape, grid, strict=True)):
        raise ValueError(f"a grid of {list(grid)} blocks in the shape {list(data.shape)}")
    pairs = list(zip(data.shape, grid, strict=True))
    return [size for _, count in pairs for size in (count, 1)], [
        size for whole, count in pairs for size in (count, whole // count)
    ]


def _unpacked(raw: Tensor, bits: int, count: int) -> Tensor:
    """Return `count` numbers of `bits` bits from bytes, the least significant bits first.

    Types: int32. `bits` is 1, 2, 4, 6 or 8, so that a group of whole bytes fits an int32.
    """
    if raw.numel() < math.ceil(bits * count / 8):
        raise ValueError(f"{count} elements of {bits} bits in {raw.numel()} bytes")
    group = bits // math.gcd(bits, 8)
    held = functional.pad(raw.reshape(-1), (0, -raw.numel() % group)).reshape(-1, group).to(torch.int32) & 255
    positions = torch.arange(8, dtype=torch.int32, device=raw.device)
    words = (held << (8 * positions[:group])).sum(-1, keepdim=True, dtype=torch.int32)
    numbers = torch.bitwise_and(words >> (bits * positions[: 8 * group // bits]), 2**bits - 1)
    return numbers.reshape(-1).narrow(0, 0, count)

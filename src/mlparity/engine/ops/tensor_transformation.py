"""MIL's tensor transformations: the same elements in another shape or order; slices have a module of their own.

Source of every definition: coremltools 9.0, `converters/mil/mil/ops/defs/iOS15` to `iOS17`,
`tensor_transformation.py`. Later opsets mostly admit more element types, which needs no definition of its own here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mlparity.engine.ops.registry import Rounding, mil_op


@mil_op("batch_to_space", rounding=Rounding.NONE)
def batch_to_space(x: Tensor, block_shape: tuple[int, ...], crops: tuple[tuple[int, int], ...]) -> Tensor:
    """Move blocks of the batch into the two spatial dimensions, then crop these.

    Shape: (N, C, H, W) gives (N / (b0 b1), C, H b0 - crops, W b1 - crops); the block is the batch's outer part.
    """
    batch, channels, height, width = x.shape
    rows, columns = block_shape
    blocks = x.reshape(rows, columns, batch // (rows * columns), channels, height, width)
    whole = blocks.permute(2, 3, 4, 0, 5, 1).reshape(-1, channels, height * rows, width * columns)
    (top, bottom), (left, right) = crops
    return whole[:, :, top : height * rows - bottom, left : width * columns - right]


@mil_op("depth_to_space", rounding=Rounding.NONE)
def depth_to_space(x: Tensor, block_size: int) -> Tensor:
    """Move blocks of channels into the two spatial dimensions; the block is the channels' outer part.

    Shape: (N, C, H, W) gives (N, C / b^2, H b, W b).
    Source: the example of `ReorganizeDataLayerParams`,
        https://apple.github.io/coremltools/mlmodel/Format/NeuralNetwork.html.
    """
    batch, channels, height, width = x.shape
    blocks = x.reshape(batch, block_size, block_size, channels // block_size**2, height, width)
    return blocks.permute(0, 3, 4, 1, 5, 2).reshape(batch, -1, height * block_size, width * block_size)


@mil_op("expand_dims", rounding=Rounding.NONE)
def expand_dims(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Insert dimensions of size 1 at `axes` of the result.

    Raises: IndexError if an axis lies outside the result's rank.
    """
    rank = x.ndim + len(axes)
    if any(not -rank <= axis < rank for axis in axes):
        raise IndexError(f"the axes {axes} for a result of rank {rank}")
    for axis in sorted(axis + rank if axis < 0 else axis for axis in axes):
        x = x.unsqueeze(axis)
    return x


@mil_op("pixel_shuffle", rounding=Rounding.NONE)
def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    """Move blocks of channels into the two spatial dimensions; the block is the channels' inner part.

    Shape: (N, C f^2, H, W) gives (N, C, H f, W f).
    """
    return functional.pixel_shuffle(x, upscale_factor)


@mil_op("pixel_unshuffle", since=16, rounding=Rounding.NONE)
def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    """Undo `pixel_shuffle`.

    Shape: (N, C, H, W) gives (N, C f^2, H / f, W / f).
    """
    return functional.pixel_unshuffle(x, downscale_factor)


@mil_op("reshape", rounding=Rounding.NONE)
def reshape(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Give `x` the shape `shape`; -1 stands for what remains, 0 for the same dimension of `x`.

    Raises: ValueError if the sizes disagree, two dimensions are -1, or a 0 stands in a shape of another rank.
    """
    if 0 in shape and len(shape) != x.ndim:
        raise ValueError(f"a 0 in the shape {shape} for a tensor of rank {x.ndim}")
    return _reshaped(x, [x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


@mil_op("reshape", since=17, rounding=Rounding.NONE)
def reshape_ios17(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Do as in iOS15; a 0 is matched from the right, and is 1 where `x` has no such dimension.

    Raises: ValueError if the sizes disagree or two dimensions are -1.
    """
    shift = x.ndim - len(shape)
    sizes = [
        size if size != 0 else (x.shape[axis + shift] if axis + shift >= 0 else 1) for axis, size in enumerate(shape)
    ]
    return _reshaped(x, sizes)


def _reshaped(x: Tensor, sizes: list[int]) -> Tensor:
    if sizes.count(-1) == 1:
        known = -math.prod(sizes)
        sizes[sizes.index(-1)] = x.numel() // known if known != 0 else 0
    if min(sizes, default=0) < 0 or math.prod(sizes) != x.numel():
        raise ValueError(f"the shape {sizes} for a tensor of the shape {list(x.shape)}")
    return x.reshape(sizes)


@mil_op("reshape_like", since=16, rounding=Rounding.NONE)
def reshape_like(
    x: Tensor,
    ref_tensors: Sequence[Tensor],
    begins: tuple[int, ...],
    ends: tuple[int, ...],
    end_masks: tuple[bool, ...],
) -> Tensor:
    """Give `x` the shape that parts of other tensors' shapes make in a row.

    Raises: ValueError if the sizes disagree.
    """
    parts = zip(ref_tensors, begins, ends, end_masks, strict=True)
    return _reshaped(x, [size for ref, begin, end, mask in parts for size in ref.shape[begin : None if mask else end]])


@mil_op("reverse", rounding=Rounding.NONE)
def reverse(x: Tensor, axes: tuple[int, ...] | None = None) -> Tensor:
    """Reverse the order along `axes`, by default along all."""
    return x.flip(tuple(range(x.ndim)) if axes is None else axes)


@mil_op("reverse_sequence", rounding=Rounding.NONE)
def reverse_sequence(x: Tensor, lengths: Tensor, seq_axis: int = 0, batch_axis: int = 0) -> Tensor:
    """Reverse the first `lengths[i]` elements along `seq_axis` of the slice `i` along `batch_axis`.

    Raises: ValueError if the two axes are the same, or there is not one length from 0 to the axis' size for each slice.
    """
    seq, batch = (axis % x.ndim for axis in (seq_axis, batch_axis))
    size = x.shape[seq]
    if seq == batch or lengths.shape != (x.shape[batch],) or bool(((lengths < 0) | (lengths > size)).any()):
        raise ValueError(f"lengths of the shape {list(lengths.shape)} for {list(x.shape)} on axes {seq} and {batch}")
    step = torch.arange(size, device=x.device)
    limit = lengths.to(torch.int64).unsqueeze(-1)
    sources = torch.where(step < limit, limit - 1 - step, step)
    sources = sources if batch < seq else sources.T
    view = [x.shape[axis] if axis in (seq, batch) else 1 for axis in range(x.ndim)]
    return x.gather(seq, sources.reshape(view).expand(x.shape))


@mil_op("sliding_windows", rounding=Rounding.NONE)
def sliding_windows(x: Tensor, axis: int, size: int, stride: int = 1) -> Tensor:
    """Return all windows of `size` elements along `axis`, `stride` apart.

    Shape: the axis becomes (number of windows, size). The result is a view.
    """
    axis = axis % x.ndim
    return x.unfold(axis, size, stride).movedim(-1, axis + 1)


@mil_op("space_to_batch", rounding=Rounding.NONE)
def space_to_batch(x: Tensor, block_shape: tuple[int, ...], paddings: tuple[tuple[int, int], ...]) -> Tensor:
    """Pad the two spatial dimensions with zeros, then move blocks of them into the batch.

    Shape: (N, C, H, W) gives (N b0 b1, C, padded H / b0, padded W / b1); the block is the batch's outer part.
    """
    (top, bottom), (left, right) = paddings
    rows, columns = block_shape
    padded = functional.pad(x, (left, right, top, bottom))
    batch, channels, height, width = padded.shape
    blocks = padded.reshape(batch, channels, height // rows, rows, width // columns, columns)
    return blocks.permute(3, 5, 0, 1, 2, 4).reshape(-1, channels, height // rows, width // columns)


@mil_op("space_to_depth", rounding=Rounding.NONE)
def space_to_depth(x: Tensor, block_size: int) -> Tensor:
    """Undo `depth_to_space`.

    Shape: (N, C, H, W) gives (N, C b^2, H / b, W / b).
    """
    batch, channels, height, width = x.shape
    rows, columns = height // block_size, width // block_size
    blocks = x.reshape(batch, channels, rows, block_size, columns, block_size)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(batch, -1, rows, columns)


@mil_op("squeeze", rounding=Rounding.NONE)
def squeeze(x: Tensor, axes: tuple[int, ...] | None = None) -> Tensor:
    """Remove the dimensions of size 1 among `axes`, by default all; other sizes stay."""
    return x.squeeze() if axes is None else x.squeeze(axes)


@mil_op("transpose", rounding=Rounding.NONE)
def transpose(x: Tensor, perm: tuple[int, ...]) -> Tensor:
    """Put the dimensions in the order `perm`. The result is a view."""
    return x.permute(perm)

"""Shapes that layers need: as numbers where they are known, made by ops where they differ from run to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.layer import Layer

Sizes = tuple[int, ...] | Blob
"""A shape: numbers, or a value with one axis that holds them."""


def shape_of(layer: Layer, x: Blob, first: int = 0, last: int | None = None) -> Sizes:
    """Return the sizes of the axes from `first` to before `last`."""
    part = None if x.shape is None else x.shape[first:last]
    if part is not None and None not in part:
        return tuple(size for size in part if size is not None)
    whole = layer.emit("shape", x=x)
    if first == 0 and last is None:
        return whole
    masks = {"begin_mask": (False,), "end_mask": (last is None,)}
    return layer.emit("slice_by_index", x=whole, begin=(first,), end=(0 if last is None else last,), **masks)


def joined(layer: Layer, parts: Sequence[Sizes]) -> Sizes:
    """Return one shape of several, one after the other."""
    if not any(isinstance(each, Blob) for each in parts):
        return tuple(size for each in parts if not isinstance(each, Blob) for size in each)
    values = [each if isinstance(each, Blob) else layer.builder.literal(np.asarray(each, np.int32)) for each in parts]
    return layer.emit("concat", values=[each for each in values if each.shape != (0,)], axis=0)


def reshaped(layer: Layer, x: Blob, *parts: Sizes) -> Blob:
    """Return `x` in the shape that the parts make."""
    return layer.emit("reshape", x=x, shape=joined(layer, parts))


def on_images(layer: Layer, x: Blob, run: Callable[[Blob], Blob]) -> Blob:
    """Return what `run` makes of `x` as (batch, channels, height, width), with the leading axes of `x` again."""
    rank = layer.rank(x)
    if rank == 4:
        return run(x)
    if rank < 4:
        leading = tuple(range(4 - rank))
        return layer.emit("squeeze", x=run(layer.emit("expand_dims", x=x, axes=leading)), axes=leading)
    result = run(reshaped(layer, x, (-1,), shape_of(layer, x, -3)))
    return reshaped(layer, result, shape_of(layer, x, 0, rank - 3), shape_of(layer, result, -3))


def at_least_vector(layer: Layer, x: Blob) -> Blob:
    """Return `x`, a number as an array of one: networks have no tensors without axes."""
    return replace(layer.emit("reshape", x=x, shape=(1,)), is_number=True) if x.shape == () else x

"""Layers that give the same elements another shape or order, join tensors or divide one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlparity.engine.neural_network.blob import Blob
from mlparity.engine.neural_network.layer import Layer, Lowering
from mlparity.engine.neural_network.padding import borders
from mlparity.engine.neural_network.sizes import Sizes, at_least_vector, joined, on_images, reshaped, shape_of


def _ints(values: Sequence[int]) -> tuple[int, ...]:
    return tuple(map(int, values))


def _reshape_static(layer: Layer) -> Blob:
    return layer.emit("reshape", x=layer.raw, shape=_ints(layer.params.targetShape))


def _reshape_like(layer: Layer) -> Blob:
    layer.needs(2, 2)
    return layer.emit("reshape", x=layer.raw, shape=shape_of(layer, layer.inputs[1]))


def _reshape_dynamic(layer: Layer) -> Blob:
    layer.needs(2, 2)
    return layer.emit("reshape", x=layer.raw, shape=layer.builder.index(layer.inputs[1]))


def _reshape(layer: Layer) -> Blob:
    """Channels, height and width anew, the axes before them as they are, or the first of five anew too."""
    target, rank = _ints(layer.params.targetShape), layer.rank(layer.raw)
    if len(target) not in (3, 4):
        raise layer.builder.fault(f"a target shape of {len(target)} sizes", expected="3 or 4")
    leading = (0,) * (rank - 3) if len(target) == 3 else (target[0], *(0,) * (rank - 4))
    channels, height, width = target[-3:]
    if layer.params.mode == 0:
        return layer.emit("reshape", x=layer.raw, shape=(*leading, channels, height, width))
    last = layer.emit("reshape", x=_channels_last(layer), shape=(*leading, height, width, channels))
    return layer.emit("transpose", x=last, perm=(*range(rank - 3), rank - 1, rank - 3, rank - 2))


def _channels_last(layer: Layer) -> Blob:
    rank = layer.rank(layer.raw)
    return layer.emit("transpose", x=layer.raw, perm=(*range(rank - 3), rank - 2, rank - 1, rank - 3))


def _flatten(layer: Layer) -> Blob:
    rank = layer.rank(layer.raw)
    x = layer.raw if layer.params.mode == 0 else _channels_last(layer)
    return reshaped(layer, x, shape_of(layer, x, 0, rank - 3), (-1, 1, 1))


def _flatten_to_2d(layer: Layer) -> Blob:
    rank, axis = layer.rank(layer.raw), int(layer.params.axis)
    if not -rank <= axis <= rank:
        raise layer.builder.fault(f"the axis {axis}", expected=f"at most {rank}")
    return layer.emit("flatten2d", x=layer.raw, axis=axis + rank if axis < 0 else axis)


def _permute(layer: Layer) -> Blob:
    """The axes but the second in another order: sequence, channel, height and width."""
    order = _ints(layer.params.axis) or (0, 1, 2, 3)
    rank = layer.rank(layer.raw)
    if sorted(order) != [0, 1, 2, 3] or rank not in (4, 5):
        raise layer.builder.fault(f"the order {order} for rank {rank}", expected="an order of four axes, and rank 5")
    if rank == 4:
        return layer.emit("transpose", x=layer.raw, perm=order)
    places = (0, 2, 3, 4)
    first, *rest = (places[each] for each in order)
    return layer.emit("transpose", x=layer.raw, perm=(first, 1, *rest))


def _transpose(layer: Layer) -> Blob:
    return layer.emit("transpose", x=layer.raw, perm=_ints(layer.params.axes))


def _expand_dims(layer: Layer) -> Blob:
    """New axes; a number that a slice, a squeeze or a reduction left has none before.

    Source of that: coremltools 9.0, `converters/mil/frontend/torch/test/test_torch_ops.py` (`test_linspace_dynamic`,
    and `test_tensor_assign_dynamic_slice` with `mixed_rank`).
    """
    axes = _ints(layer.params.axes)
    if layer.raw.is_number:
        return layer.emit("reshape", x=layer.raw, shape=(1,) * len(axes))
    return layer.emit("expand_dims", x=layer.raw, axes=axes)


def _squeeze(layer: Layer) -> Blob:
    axes = None if layer.params.squeezeAll else _ints(layer.params.axes)
    return at_least_vector(layer, layer.emit("squeeze", x=layer.raw, axes=axes))


def _on_one_type(layer: Layer) -> list[Blob]:
    """The inputs, as floating numbers where they are not of one type."""
    layer.needs(1)
    kinds = {each.type.dtype for each in layer.inputs}
    return list(layer.inputs) if len(kinds) == 1 else [layer.builder.real(each) for each in layer.inputs]


def _concat(layer: Layer) -> Blob:
    axis = -5 if layer.params.sequenceConcat else -3
    return layer.emit("concat", values=_on_one_type(layer), axis=axis)


def _concat_nd(layer: Layer) -> Blob:
    params = layer.params
    return layer.emit("concat", values=_on_one_type(layer), axis=int(params.axis), interleave=bool(params.interleave))


def _stack(layer: Layer) -> Blob:
    """Stack inputs whose default shapes are one: Core ML refuses others when it compiles the model.

    Source: coremltools 9.0, test_torch_ops.py, TestStack.test_stack_dynamic_range_dim.
    """
    shapes = {tuple(each.trials[0].shape) for each in layer.inputs if each.trials and each.trials[0] is not None}
    if len(shapes) > 1:
        found = "inputs of the default shapes " + " and ".join(map(str, sorted(shapes)))
        raise layer.builder.fault(found, expected="inputs that have one shape by default")
    return layer.emit("stack", values=_on_one_type(layer), axis=int(layer.params.axis))


def _split(layer: Layer) -> tuple[Blob, ...]:
    count = int(layer.params.nOutputs) or layer.outputs
    return layer.builder.emit_many("split", count, x=layer.raw, axis=-3, num_splits=count)


def _split_nd(layer: Layer) -> tuple[Blob, ...]:
    sizes, axis = _ints(layer.params.splitSizes), int(layer.params.axis)
    if sizes:
        return layer.builder.emit_many("split", len(sizes), x=layer.raw, axis=axis, split_sizes=sizes)
    count = int(layer.params.numSplits) or layer.outputs
    shape = layer.raw.shape
    size = None if shape is None else shape[layer.axis(axis, len(shape))]
    if size is None or size % count == 0:
        return layer.builder.emit_many("split", count, x=layer.raw, axis=axis, num_splits=count)
    # The first parts are one longer. Source: coremltools 9.0, `test_numpy_nn_layers.py` (`test_split_nd_cpu`).
    uneven = tuple(size // count + (place < size % count) for place in range(count))
    return layer.builder.emit_many("split", count, x=layer.raw, axis=axis, split_sizes=uneven)


def _sequence_repeat(layer: Layer) -> Blob:
    rank, count = layer.rank(layer.raw), int(layer.params.nRepetitions) or 1
    axis = layer.axis(-5, rank)
    return layer.emit("tile", x=layer.raw, reps=tuple(count if each == axis else 1 for each in range(rank)))


def _tile(layer: Layer) -> Blob:
    """Fewer counts than axes are for the last ones.

    Source: coremltools 9.0, `test/neural_network/test_numpy_nn_layers.py` (`test_dynamic_tile_cpu`).
    """
    counts: Sizes = _ints(layer.params.reps)
    if len(layer.inputs) == 2:
        counts = layer.builder.index(layer.inputs[1])
    given = len(counts) if isinstance(counts, tuple) else (counts.shape or (None,))[0]
    missing = 0 if given is None else layer.rank(layer.raw) - given
    reps = joined(layer, ((1,) * missing, counts)) if missing > 0 else counts
    return layer.emit("tile", x=layer.raw, reps=reps)


def _reverse(layer: Layer) -> Blob:
    axes = tuple(axis for axis, is_reversed in enumerate(layer.params.reverseDim) if is_reversed)
    return layer.emit("reverse", x=layer.raw, axes=axes) if axes else layer.emit("identity", x=layer.raw)


def _reverse_sequence(layer: Layer) -> Blob:
    layer.needs(2, 2)
    axes = {"seq_axis": int(layer.params.sequenceAxis), "batch_axis": int(layer.params.batchAxis)}
    return layer.emit("reverse_sequence", x=layer.raw, lengths=layer.builder.index(layer.inputs[1]), **axes)


def _sliding_windows(layer: Layer) -> Blob:
    params = layer.params
    step = int(params.step) or 1
    return layer.emit("sliding_windows", x=layer.raw, axis=int(params.axis), size=int(params.windowSize), stride=step)


@dataclass(frozen=True, slots=True)
class _Reorganization:
    op: str
    parameter: str


_REORGANIZATIONS = (
    _Reorganization("space_to_depth", "block_size"),
    _Reorganization("depth_to_space", "block_size"),
    _Reorganization("pixel_shuffle", "upscale_factor"),
)
"""By the number of `ReorganizationType`."""


def _reorganize(layer: Layer) -> Blob:
    found, size = _REORGANIZATIONS[layer.params.mode], int(layer.params.blockSize)
    return on_images(layer, layer.raw, lambda x: layer.emit(found.op, x=x, **{found.parameter: size}))


def _broadcast(target: Callable[[Layer], Blob | tuple[int, ...]]) -> Lowering:
    """Return what repeats the first input up to a shape: axes before its own, and those of one element."""

    def lower(layer: Layer) -> Blob:
        shape, x = target(layer), layer.raw
        rank = len(shape) if isinstance(shape, tuple) else (shape.shape or (None,))[0]
        if rank is None:
            raise layer.builder.refused("needs the rank of its result", "a shape whose length depends on values")
        missing = rank - layer.rank(x)
        if missing > 0:
            x = layer.emit("expand_dims", x=x, axes=tuple(range(missing)))
        return layer.emit("tile", x=x, reps=_repetitions(layer, x, shape))

    return lower


def _repetitions(layer: Layer, x: Blob, shape: Blob | tuple[int, ...]) -> Blob | tuple[int, ...]:
    own = shape_of(layer, x)
    if isinstance(own, tuple) and isinstance(shape, tuple):
        return tuple(1 if size == wanted else wanted for size, wanted in zip(own, shape, strict=True))
    whole, sizes = (
        each if isinstance(each, Blob) else layer.builder.literal(np.asarray(each, np.int32)) for each in (shape, own)
    )
    is_same = layer.emit("equal", x=whole, y=sizes)
    return layer.emit("select", cond=is_same, a=layer.emit("floor_div", x=sizes, y=sizes), b=whole)


def _shape_of_second(layer: Layer) -> Blob | tuple[int, ...]:
    layer.needs(2, 2)
    return shape_of(layer, layer.inputs[1])


def _second_as_shape(layer: Layer) -> Blob:
    layer.needs(2, 2)
    return layer.builder.index(layer.inputs[1])


def _copy(layer: Layer) -> Blob:
    return layer.raw


def _get_shape(layer: Layer) -> Blob:
    return layer.emit("shape", x=layer.raw)


def _padding(layer: Layer) -> Blob:
    kind, amounts = layer.params.WhichOneof("PaddingType"), borders(layer, layer.params.paddingAmounts)
    if kind is None:
        raise layer.builder.fault("no type of padding")
    if kind == "constant":
        return layer.emit("pad", x=layer.x, pad=amounts, mode="constant", constant_val=layer.params.constant.value)
    return layer.emit("pad", x=layer.x, pad=amounts, mode={"reflection": "reflect", "replication": "replicate"}[kind])


def _constant_pad(layer: Layer) -> Blob:
    """Amounts before and after each axis; or sizes to reach, at the side where one is given."""
    params = layer.params
    rank = layer.rank(layer.raw)
    amounts: Blob | tuple[int, ...] = _ints(params.padAmounts)
    if len(layer.inputs) == 2:
        amounts = layer.builder.index(layer.inputs[1])
    if params.padToGivenOutputSizeMode:
        amounts = _lacking(layer, amounts)
    elif isinstance(amounts, tuple) and len(amounts) != 2 * rank:
        raise layer.builder.fault(f"{len(amounts)} amounts for rank {rank}", expected=f"{2 * rank}")
    return layer.emit("pad", x=layer.x, pad=amounts, mode="constant", constant_val=float(params.value))


def _lacking(layer: Layer, wanted: Blob | tuple[int, ...]) -> Blob:
    own = shape_of(layer, layer.raw)
    sizes = own if isinstance(own, Blob) else layer.builder.literal(np.asarray(own, np.int32))
    pairs = layer.emit("reshape", x=layer.emit("stack", values=[sizes, sizes], axis=1), shape=(-1,))
    target = wanted if isinstance(wanted, Blob) else layer.builder.literal(np.asarray(wanted, np.int32))
    return layer.emit("maximum", x=layer.emit("sub", x=target, y=pairs), y=layer.builder.literal(np.int32(0)))


LAYERS: Mapping[str, Lowering] = {
    "broadcastToDynamic": _broadcast(_second_as_shape),
    "broadcastToLike": _broadcast(_shape_of_second),
    "broadcastToStatic": _broadcast(lambda layer: _ints(layer.params.targetShape)),
    "concat": _concat,
    "concatND": _concat_nd,
    "constantPad": _constant_pad,
    "copy": _copy,
    "expandDims": _expand_dims,
    "flatten": _flatten,
    "flattenTo2D": _flatten_to_2d,
    "getShape": _get_shape,
    "padding": _padding,
    "permute": _permute,
    "rankPreservingReshape": _reshape_static,
    "reorganizeData": _reorganize,
    "reshape": _reshape,
    "reshapeDynamic": _reshape_dynamic,
    "reshapeLike": _reshape_like,
    "reshapeStatic": _reshape_static,
    "reverse": _reverse,
    "reverseSeq": _reverse_sequence,
    "sequenceRepeat": _sequence_repeat,
    "slidingWindows": _sliding_windows,
    "split": _split,
    "splitND": _split_nd,
    "squeeze": _squeeze,
    "stack": _stack,
    "tile": _tile,
    "transpose": _transpose,
}

"""The shapes of common ops' results, said rather than tried: torch's own way to some takes a second.

That is how long it takes to import its compiler, which it does for ops on tensors without data.

A rule takes what its op takes and returns tensors without data; their type is that of the first input. It raises
ValueError where the inputs do not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor


def _same(x: Tensor, **_: object) -> Tensor:
    return torch.empty_like(x)


def _broadcast(x: Tensor, y: Tensor, **_: object) -> Tensor:
    if len(x.shape) == 0 or x.shape == y.shape:
        return x.new_empty(y.shape)
    sizes = []
    for from_end in range(1, max(x.ndim, y.ndim) + 1):
        pair = {tensor.shape[-from_end] for tensor in (x, y) if from_end <= tensor.ndim} - {1}
        if len(pair) > 1:
            raise ValueError(f"shapes {list(x.shape)} and {list(y.shape)} do not fit each other")
        sizes.append(pair.pop() if pair else 1)
    return x.new_empty(sizes[::-1])


def _reduced(x: Tensor, axes: tuple[int, ...] | None = None, keep_dims: bool = False, **_: object) -> Tensor:
    reduced = range(x.ndim) if axes is None else axes
    if any(not -x.ndim <= axis < x.ndim for axis in reduced):
        raise ValueError(f"no axes {axes} in the shape {list(x.shape)}")
    gone = {axis % x.ndim for axis in reduced}
    kept = [1 if axis in gone else size for axis, size in enumerate(x.shape) if keep_dims or axis not in gone]
    return x.new_empty(kept)


def _linear(x: Tensor, weight: Tensor, **_: object) -> Tensor:
    if x.ndim == 0 or weight.ndim != 2 or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"x has shape {list(x.shape)}, the weights {list(weight.shape)}")
    return x.new_empty((*x.shape[:-1], weight.shape[0]))


def _concat(values: Sequence[Tensor], axis: int, **_: object) -> Tensor:
    values = [value.reshape(1) if value.ndim == 0 else value for value in values]
    first = values[0]
    axis = _axis(axis, first.ndim)
    rest = {(*value.shape[:axis], *value.shape[axis + 1 :]) for value in values if value.ndim == first.ndim}
    if len(rest) != 1 or any(value.ndim != first.ndim for value in values):
        raise ValueError(f"shapes {[list(value.shape) for value in values]} cannot be joined along axis {axis}")
    return first.new_empty((*first.shape[:axis], sum(value.shape[axis] for value in values), *first.shape[axis + 1 :]))


def _crops(
    x: Tensor,
    roi: Tensor | None = None,
    boxes: Tensor | None = None,
    target_height: int = 1,
    target_width: int = 1,
    **_: object,
) -> Tensor:
    """One crop for each box; of `roi`, a box of five numbers names its image, one of four is cut from each.

    A rule, not a trial: which image a box is of is not known without its numbers.
    """
    if roi is None:
        return x.new_empty((len(boxes) if boxes is not None else 0, x.shape[1], target_height, target_width))
    if x.ndim != 4 or roi.ndim != 5 or roi.shape[2] not in (4, 5):
        raise ValueError(f"images of shape {list(x.shape)}, boxes of shape {list(roi.shape)}")
    images = 1 if roi.shape[2] == 5 else x.shape[0]
    return x.new_empty((roi.shape[0], images, x.shape[1], target_height, target_width))


def _stack(values: Sequence[Tensor], axis: int, **_: object) -> Tensor:
    shape = values[0].shape
    axis = _axis(axis, len(shape) + 1)
    if any(value.shape != shape for value in values):
        raise ValueError(f"shapes {[list(value.shape) for value in values]} cannot be stacked")
    return values[0].new_empty((*shape[:axis], len(values), *shape[axis:]))


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise ValueError(f"no axis {axis} of {rank}")
    return axis % rank


def _lstm(
    x: Tensor, weight_hh: Tensor, direction: str = "forward", output_sequence: bool = False, **_: object
) -> tuple[Tensor, Tensor, Tensor]:
    if x.ndim != 3 or weight_hh.ndim != 2:
        raise ValueError(f"x has shape {list(x.shape)}, the weights {list(weight_hh.shape)}")
    last = (x.shape[1], weight_hh.shape[1] * (2 if direction == "bidirectional" else 1))
    states = x.new_empty((x.shape[0] if output_sequence else 1, *last))
    return states, x.new_empty(last), x.new_empty(last)


_SAME = """
    abs acos asin atan atanh batch_norm ceil clamped_relu clip cos cosh elu erf exp exp2 floor gelu instance_norm
    inverse l2_norm layer_norm leaky_relu linear_activation log logical_not prelu relu relu6 round rsqrt scaled_tanh
    sigmoid sigmoid_hard sign silu sin sinh softmax softplus softplus_parametric softsign sqrt square tan tanh
    threshold thresholded_relu
"""
_BROADCAST = """
    add equal floor_div greater greater_equal less less_equal logical_and logical_or logical_xor maximum minimum mod
    mul not_equal pow real_div sub
"""
_REDUCED = """
    reduce_l1_norm reduce_l2_norm reduce_log_sum reduce_log_sum_exp reduce_max reduce_mean reduce_min reduce_prod
    reduce_sum reduce_sum_square
"""

SHAPE_RULES: Mapping[str, Callable[..., object]] = {
    **dict.fromkeys(_SAME.split(), _same),
    **dict.fromkeys(_BROADCAST.split(), _broadcast),
    **dict.fromkeys(_REDUCED.split(), _reduced),
    "concat": _concat,
    "crop_resize": _crops,
    "linear": _linear,
    "lstm": _lstm,
    "stack": _stack,
}
"""The rules by op type."""

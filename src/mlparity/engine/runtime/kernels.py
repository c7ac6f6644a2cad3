"""Faster twins of steps for inference in fp32 on the CPU: oneDNN convolutions with packed weights and their activation.

A twin computes what its step computes, with sums in another order. It has no gradient, and hides the value between the
convolution and its activation from taps; `bind` uses twins only when it is asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mlparity.engine.mil.program import TensorType, ValueType
from mlparity.engine.numerics import Numerics
from mlparity.engine.ops.windows import extents, sides, spread, symmetric
from mlparity.engine.runtime.plan import Step

Twin = tuple[str, tuple[float, ...]]
"""oneDNN's name of an activation and its numbers. Source: torch 2.13, `torch/_inductor/fx_passes/mkldnn_fusion.py`."""

_NO_ACTIVATION: Twin = ("none", ())


def _clip(step: Step) -> Twin | None:
    low, high = step.constants.get("alpha"), step.constants.get("beta")
    return ("hardtanh", (low, high)) if isinstance(low, float) and isinstance(high, float) else None


ACTIVATIONS: Mapping[str, Callable[[Step], Twin | None]] = {
    "relu": lambda _: ("relu", ()),
    "relu6": lambda _: ("hardtanh", (0.0, 6.0)),
    "clip": _clip,
}
"""The activations that oneDNN applies to the bit as the ops do; smooth ones it approximates."""


NEW_MEMORY = frozenset(
    {"add", "conv", "gelu", "layer_norm", "linear", "matmul", "mul", "sigmoid", "silu", "softmax", "sub", "tanh"}
)
"""Ops whose functions never return an input or a view of one, so that their result is rounded where it lies."""


def with_kernels(
    steps: tuple[Step, ...], initial: Sequence[object], kept: frozenset[int], declared: Mapping[int, ValueType]
) -> tuple[Step, ...]:
    """Return the steps with a twin for each convolution of two axes whose weights are constant, where torch has it.

    `declared` holds the type of each slot: weights are packed for the size of the input, where it is known.

    Before: `y = conv(x, weight, bias); z = relu(y)`. After: `z = packed(x)`.
    """
    if not torch._C._has_mkldnn or not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return steps
    uses: dict[int, int] = dict.fromkeys(kept, 1)
    for step in steps:
        for feed in step.feeds:
            for slot in feed.slots:
                uses[slot] = uses.get(slot, 0) + 1
    return tuple(_merged(steps, initial, uses, declared))


def _merged(
    steps: tuple[Step, ...], initial: Sequence[object], uses: Mapping[int, int], declared: Mapping[int, ValueType]
) -> list[Step]:
    followers = {feed.slots[0]: step for step in steps for feed in step.feeds if feed.parameter == "x"}
    merged, done = [], set[int]()
    for step in steps:
        if step.stores[0].slot in done:
            continue
        packed = _packed(step, initial, declared)
        if packed is None:
            merged.append(_in_place(step) if step.op.type in NEW_MEMORY else step)
            continue
        follower = followers.get(step.stores[0].slot)
        twin = _activation(step, follower, uses)
        if follower is None or twin is None:
            merged.append(_twin_of(step, packed, step))
            continue
        done.add(follower.stores[0].slot)
        merged.append(_twin_of(step, packed.followed_by(twin), follower))
    return merged


def _twin_of(step: Step, packed: _Packed, last: Step) -> Step:
    """Return the step that runs `packed` and stores what `last` stores; each result is new memory."""
    feeds = tuple(feed for feed in step.feeds if feed.parameter == "x")
    return _in_place(replace(step, fn=packed, constants={}, feeds=feeds, stores=last.stores))


def _in_place(step: Step) -> Step:
    return replace(step, stores=tuple(replace(store, in_place=True) for store in step.stores))


def _activation(step: Step, follower: Step | None, uses: Mapping[int, int]) -> Twin | None:
    """Return the activation to merge: the only reader of a result that is not rounded before it."""
    store = step.stores[0]
    if follower is None or uses[store.slot] != 1 or store.numerics is not None:
        return None
    twin = ACTIVATIONS.get(follower.op.type)
    return None if twin is None else twin(follower)


@dataclass(frozen=True, slots=True)
class _Packed:
    """A convolution with packed weights; values move through it in channels-last order."""

    weight: Tensor
    bias: Tensor | None
    pad: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int
    channels: int
    activation: Twin = _NO_ACTIVATION

    def followed_by(self, activation: Twin) -> _Packed:
        """Return the same convolution with an activation."""
        return replace(self, activation=activation)

    def __call__(self, x: Tensor) -> Tensor:
        """Return the convolution of `x`, (n, channels, height, width).

        Raises:
            ValueError: `x` has another rank or number of channels; oneDNN itself would read past the end.
        """
        if x.ndim != 4 or x.shape[1] != self.channels:
            raise ValueError(f"x has shape {list(x.shape)}, the weights take {self.channels} channels")
        name, numbers = self.activation
        result: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x.contiguous(memory_format=torch.channels_last),
            self.weight,
            self.bias,
            self.pad,
            self.strides,
            self.dilations,
            self.groups,
            name,
            list(numbers),
            "",
        )
        return result


def _packed(step: Step, initial: Sequence[object], declared: Mapping[int, ValueType]) -> _Packed | None:
    """Return the twin of a convolution, None where it has none."""
    if step.op.type != "conv" or step.stores[0].held is not torch.float32:
        return None
    num = step.constants.get("num")
    if not isinstance(num, Numerics) or not num.products.plain:
        return None  # the unit sums in its own way
    fed = {feed.parameter: initial[feed.slots[0]] for feed in step.feeds}
    weight, bias = fed.get("weight"), fed.get("bias")
    if not isinstance(weight, Tensor) or weight.ndim != 4 or ("bias" in fed and not isinstance(bias, Tensor)):
        return None
    if not {"weight", "bias", "x"} >= set(fed) or weight.device.type != "cpu":
        return None
    try:
        geometry = _geometry(step, weight)
    except ValueError:
        return None  # parameters for another number of axes: the plain op says so
    if geometry is None:
        return None
    pad, strides, dilations, groups = geometry
    if weight.shape[0] % groups or (isinstance(bias, Tensor) and bias.shape != weight.shape[:1]):
        return None
    reorder = torch._C._nn.mkldnn_reorder_conv2d_weight
    try:
        size = _size(step, declared)
        # torch's type stubs lack the last parameter, the size of the input.
        packed = reorder(weight.to_mkldnn(), list(pad), list(strides), list(dilations), groups, size)  # type: ignore[call-arg]
    except RuntimeError:
        return None  # oneDNN has no kernel for this; the plain op runs, or says what is wrong
    channels = weight.shape[1] * groups
    return _Packed(packed, bias if isinstance(bias, Tensor) else None, pad, strides, dilations, groups, channels)


def _size(step: Step, declared: Mapping[int, ValueType]) -> list[int] | None:
    """Return the declared shape of the convolution's input, None where a dimension is open."""
    slot = next(feed.slots[0] for feed in step.feeds if feed.parameter == "x")
    known = declared.get(slot)
    sizes = known.shape if isinstance(known, TensorType) and known.shape is not None else (None,)
    return None if None in sizes else [size for size in sizes if size is not None]


def _geometry(step: Step, weight: Tensor) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int] | None:
    """Return padding, strides, dilations and groups; None where the padding depends on the size or is uneven."""
    known = step.constants
    strides, dilations = spread(_ints(known, "strides"), 2), spread(_ints(known, "dilations"), 2)
    pad_type = str(known.get("pad_type", "valid"))
    if pad_type.lower() not in ("valid", "custom"):
        return None
    spans = extents(weight.shape[2:], dilations)
    pad = symmetric(sides(pad_type, _ints(known, "pad"), (1, 1), spans, strides))
    groups = known.get("groups", 1)
    if pad is None or not isinstance(groups, int) or min(*pad, groups - 1, *(each - 1 for each in spans)) < 0:
        return None
    return (pad, strides, dilations, groups) if min(*strides, *dilations) > 0 and weight.numel() > 0 else None


def _ints(known: Mapping[str, object], name: str) -> tuple[int, ...] | None:
    value = known.get(name)
    return tuple(int(each) for each in value) if isinstance(value, tuple) else None

"""Faster twins of steps for inference in fp32 on the CPU: oneDNN's kernels with packed weights and their activation.

A twin computes what its step computes, with sums in another order. It has no gradient, and hides the value between the
convolution and its activation from taps; `bind` uses twins only when it is asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from mlparity.engine.mil.program import ValueType
from mlparity.engine.runtime.packed import Packed, Twin, Weights
from mlparity.engine.runtime.packed_conv import packed_convolution
from mlparity.engine.runtime.packed_linear import packed_linear
from mlparity.engine.runtime.plan import Step


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


PACKERS: Mapping[str, Callable[[Step, Weights, Mapping[int, ValueType]], Packed | None]] = {
    "conv": packed_convolution,
    "linear": packed_linear,
}
"""Who packs the weights of an op, and says None where the plain op is to run."""


_KERNELS = ("_convolution_pointwise", "_linear_pointwise", "_reorder_linear_weight")


def with_kernels(
    steps: tuple[Step, ...], initial: Sequence[object], kept: frozenset[int], declared: Mapping[int, ValueType]
) -> tuple[Step, ...]:
    """Return the steps with a twin for each op of `PACKERS` whose weights are constant, where torch has it.

    `declared` holds the type of each slot: weights are packed for the size of the input, where it is known.

    Before: `y = conv(x, weight, bias); z = relu(y)`. After: `z = packed(x)`.
    """
    if not torch._C._has_mkldnn or not all(hasattr(torch.ops.mkldnn, name) for name in _KERNELS):
        return steps
    uses: dict[int, int] = dict.fromkeys(kept, 1)
    for step in steps:
        for feed in step.feeds:
            for slot in feed.slots:
                uses[slot] = uses.get(slot, 0) + 1
    return tuple(_merged(steps, Weights(initial), uses, declared))


def _merged(
    steps: tuple[Step, ...], weights: Weights, uses: Mapping[int, int], declared: Mapping[int, ValueType]
) -> list[Step]:
    followers = {feed.slots[0]: step for step in steps for feed in step.feeds if feed.parameter == "x"}
    merged, done = [], set[int]()
    for step in steps:
        if step.stores[0].slot in done:
            continue
        pack = PACKERS.get(step.op.type)
        packed = None if pack is None else pack(step, weights, declared)
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


def _twin_of(step: Step, packed: Packed, last: Step) -> Step:
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

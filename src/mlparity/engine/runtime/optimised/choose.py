"""Optimised steps for inference in fp32 on the CPU: kernels with packed weights, their activation and rounding.

An optimised step computes what its step computes, with sums in another order. It has no gradient, and hides the value
between the convolution and its activation from taps; `bind` uses optimised steps only when it is asked to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from mlparity.engine.mil.program import ValueType
from mlparity.engine.numerics.limits import FP16_LARGEST
from mlparity.engine.numerics.rounding import compiles_fp16
from mlparity.engine.runtime.optimised.conv import packed_convolution
from mlparity.engine.runtime.optimised.linear import packed_linear
from mlparity.engine.runtime.optimised.lstm import packed_lstm
from mlparity.engine.runtime.optimised.matmul import packed_matmul
from mlparity.engine.runtime.optimised.packed import ANY, POSITIVE, Follows, Limits, PackedStep, Weights
from mlparity.engine.runtime.plan import Step, Store


def _clip(step: Step) -> Limits | None:
    """Return the limits of a clip, None where they are none that every definition of it takes."""
    low, high = step.constants.get("alpha"), step.constants.get("beta")
    return (low, high) if isinstance(low, float) and isinstance(high, float) and low < high else None


ACTIVATIONS: Mapping[str, Callable[[Step], Limits | None]] = {
    "relu": lambda _: POSITIVE,
    "relu6": lambda _: (0.0, 6.0),
    "clip": _clip,
}
"""The activations that optimised steps apply to the bit as the ops do: limits. Smooth ones stay apart."""


NEW_MEMORY = frozenset(
    {"add", "conv", "gelu", "layer_norm", "linear", "matmul", "mul", "sigmoid", "silu", "softmax", "sub", "tanh"}
)
"""Ops whose functions never return an input or a view of one, so that their result is rounded where it lies."""


PACKERS: Mapping[str, Callable[[Step, Weights], PackedStep | None]] = {
    "conv": packed_convolution,
    "linear": packed_linear,
    "lstm": packed_lstm,
    "matmul": packed_matmul,
}
"""Who packs the weights of an op, and says None where the plain op is to run."""


def with_optimised_steps(
    steps: tuple[Step, ...], initial: Sequence[object], kept: frozenset[int], declared: Mapping[int, ValueType]
) -> tuple[Step, ...]:
    """Return the steps, optimised for each op of `PACKERS` whose weights are constant and that the processor can run.

    `declared` holds the type of each slot: weights are packed for the size of the input, where it is known.

    Before: `y = conv(x, weight, bias); z = relu(y)`. After: `z = packed(x)`.
    """
    if not compiles_fp16(torch.device("cpu")):
        return steps
    uses: dict[int, int] = dict.fromkeys(kept, 1)
    for step in steps:
        for feed in step.feeds:
            for slot in feed.slots:
                uses[slot] = uses.get(slot, 0) + 1
    return tuple(_merged(steps, Weights(initial, declared), uses))


def _merged(steps: tuple[Step, ...], weights: Weights, uses: Mapping[int, int]) -> list[Step]:
    followers = {feed.slots[0]: step for step in steps for feed in step.feeds if feed.parameter == "x"}
    merged, done = [], set[int]()
    for step in steps:
        if step.stores[0].slot in done:
            continue
        pack = PACKERS.get(step.op.type)
        packed = None if pack is None else pack(step, weights)
        if packed is None:
            merged.append(_in_place(step) if step.op.type in NEW_MEMORY else step)
            continue
        follower = followers.get(step.stores[0].slot)
        limits = _limits(step, follower, uses)
        if follower is None or limits is None:
            merged.append(_optimised_step(step, packed, step, ANY))
            continue
        done.add(follower.stores[0].slot)
        merged.append(_optimised_step(step, packed, follower, limits))
    return merged


def _optimised_step(step: Step, packed: PackedStep, last: Step, limits: Limits) -> Step:
    """Return the step that runs `packed` and stores what `last` stores; each result is new memory."""
    feeds = tuple(feed for feed in step.feeds if feed.parameter in packed.reads)
    rounds = packed.can_round and all(map(_rounds_to_fp16, last.stores)) and all(map(_is_fp16, limits))
    fn = packed.followed_by(Follows(limits, rounds))
    stores = tuple(replace(store, numerics=None) for store in last.stores) if rounds else last.stores
    return _in_place(replace(step, fn=fn, constants={}, numerics=None, feeds=feeds, stores=stores))


def _rounds_to_fp16(store: Store) -> bool:
    return store.numerics is not None and store.numerics.rounds_to_fp16


def _is_fp16(x: float) -> bool:
    return math.isinf(x) or (abs(x) <= FP16_LARGEST and float(np.float16(x)) == x)


def _in_place(step: Step) -> Step:
    return replace(step, stores=tuple(replace(store, in_place=True) for store in step.stores))


def _limits(step: Step, follower: Step | None, uses: Mapping[int, int]) -> Limits | None:
    """Return the limits of the only reader of a result, if it has any and they may come before the rounding.

    They may where they are fp16's numbers: then it is one whether a number is rounded before or after it is limited.
    """
    store = step.stores[0]
    if follower is None or len(step.stores) > 1 or uses[store.slot] != 1:
        return None
    optimised_step = ACTIVATIONS.get(follower.op.type)
    limits = None if optimised_step is None else optimised_step(follower)
    if limits is None or store.numerics is None:
        return limits
    both_round = _rounds_to_fp16(store) and _rounds_to_fp16(follower.stores[0])
    return limits if both_round and all(map(_is_fp16, limits)) else None

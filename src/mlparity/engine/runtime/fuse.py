"""Groups that round once: a producer and the one activation that follows it."""

from __future__ import annotations

from dataclasses import replace

from mlparity.engine.mil.program import Function
from mlparity.engine.runtime.plan import Step

PRODUCERS = frozenset({"conv", "conv_transpose", "linear", "matmul", "add", "batch_norm"})

FOLLOWERS = frozenset({"relu", "relu6", "clip"})
"""Activations that only select between their input and values on the grid, so that rounding before them or after
them gives the same bits: dropping the inner store changes no result."""


def without_inner_stores(steps: tuple[Step, ...], function: Function) -> tuple[Step, ...]:
    """Drop the store between a producer and its only reader, an activation of `FOLLOWERS`.

    Before: `y = store(conv(x)); z = store(relu(y))`. After: `y = conv(x); z = store(relu(y))`.
    """
    readers: dict[int, list[Step]] = {}
    for step in steps:
        for feed in step.feeds:
            for slot in feed.slots:
                readers.setdefault(slot, []).append(step)
    given_back = frozenset(function.body.outputs)
    return tuple(_relaxed(step) if _is_inner(step, readers, given_back) else step for step in steps)


def _is_inner(step: Step, readers: dict[int, list[Step]], given_back: frozenset[str]) -> bool:
    if step.op.type not in PRODUCERS or len(step.stores) != 1:
        return False
    store = step.stores[0]
    followers = readers.get(store.slot, [])
    return store.output.name not in given_back and len(followers) == 1 and followers[0].op.type in FOLLOWERS


def _relaxed(step: Step) -> Step:
    return replace(step, stores=tuple(replace(store, numerics=None) for store in step.stores))

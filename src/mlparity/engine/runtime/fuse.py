"""Groups that round once: a producer and the one activation that follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mlparity.engine.mil.program import Function, Op
from mlparity.engine.numerics import Numerics, Profile
from mlparity.engine.runtime.plan import Step

PRODUCERS = frozenset({"conv", "conv_transpose", "linear", "matmul", "add", "batch_norm"})

FOLLOWERS = frozenset({"relu", "relu6", "clip"})
"""Activations that only select between their input and values on the grid, so that rounding before them or after
them gives the same bits: dropping the inner store changes no result."""


def without_inner_stores(
    steps: tuple[Step, ...], function: Function, profile_of: Callable[[Op], Profile]
) -> tuple[Step, ...]:
    """Move the store of a producer behind its only reader, an activation of `FOLLOWERS` in the same profile.

    Before: `y = store(conv(x)); z = relu(y)`. After: `y = conv(x); z = store(relu(y))`.
    """
    readers: dict[int, list[int]] = {}
    for index, step in enumerate(steps):
        for slot in {slot for feed in step.feeds for slot in feed.slots}:
            readers.setdefault(slot, []).append(index)
    moved = list(steps)
    for index, step in enumerate(steps):
        follower = _only_follower(step, steps, readers, frozenset(function.body.outputs))
        if follower is not None and _may_move(step, steps[follower], profile_of):
            moved[follower] = _storing(moved[follower], step.stores[0].numerics)
            moved[index] = _storing(moved[index], None)
    return tuple(moved)


def _may_move(step: Step, follower: Step, profile_of: Callable[[Op], Profile]) -> bool:
    """Return whether a store gives the same behind its follower: a unit may store NaN as 0, and a clip move that 0."""
    numerics = step.stores[0].numerics
    makes_zero = numerics is not None and numerics.arithmetic.absorbs_nan and follower.op.type == "clip"
    return profile_of(step.op) is profile_of(follower.op) and not makes_zero


def _only_follower(
    step: Step, steps: tuple[Step, ...], readers: dict[int, list[int]], given_back: frozenset[str]
) -> int | None:
    if step.op.type not in PRODUCERS or len(step.stores) != 1 or step.stores[0].output.name in given_back:
        return None
    followers = readers.get(step.stores[0].slot, [])
    return followers[0] if len(followers) == 1 and steps[followers[0]].op.type in FOLLOWERS else None


def _storing(step: Step, numerics: Numerics | None) -> Step:
    return replace(step, stores=tuple(replace(store, numerics=numerics) for store in step.stores))

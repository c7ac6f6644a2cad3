"""Steps that depend on constants alone are run once, when the plan is bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from mlparity.engine.runtime.interpret import run_step
from mlparity.engine.runtime.plan import Slots, Step


def fold_constants(
    steps: tuple[Step, ...], constants: Mapping[int, object], count: int, kept: frozenset[int]
) -> tuple[tuple[Step, ...], tuple[object, ...]]:
    """Return the steps that remain, and the slots as a run starts: constants and folded results in place."""
    slots: Slots = [None] * count
    for slot, value in constants.items():
        slots[slot] = value
    known = set(constants)
    remaining = []
    for step in steps:
        if step.definition.pure and all(slot in known for feed in step.feeds for slot in feed.slots):
            with torch.no_grad():
                run_step(step, slots)
            known.update(store.slot for store in step.stores)
        else:
            remaining.append(step)
    return tuple(remaining), without_unused(remaining, slots, kept)


def without_unused(steps: Sequence[Step], slots: Sequence[object], kept: frozenset[int]) -> tuple[object, ...]:
    """Return the slots without the constants that no step and no output needs, so that their memory is freed."""
    needed = kept | {slot for step in steps for feed in step.feeds for slot in feed.slots}
    return tuple(value if slot in needed else None for slot, value in enumerate(slots))

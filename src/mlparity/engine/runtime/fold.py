"""Steps that depend on constants alone are run once, when the plan is bound."""

from __future__ import annotations

from collections.abc import Mapping

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
    needed = kept | {slot for step in remaining for feed in step.feeds for slot in feed.slots}
    return tuple(remaining), tuple(value if slot in needed else None for slot, value in enumerate(slots))

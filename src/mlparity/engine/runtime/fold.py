"""Steps that depend on constants alone are run once, when the plan is bound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mlparity.engine.runtime.interpret import run_step
from mlparity.engine.runtime.plan import Slots, Step
from mlparity.engine.runtime.tensors import widened
from mlparity.engine.runtime.unit_steps import LARGE, packs


def fold_constants(
    steps: tuple[Step, ...], constants: Mapping[int, object], count: int, kept: frozenset[int], compute: torch.dtype
) -> tuple[tuple[Step, ...], tuple[object, ...]]:
    """Return the steps that remain, and the slots as a run starts: constants and folded results in place.

    Floating constants may come narrower than `compute`, the type that holds them; those of folded steps are widened.
    """
    slots: Slots = [None] * count
    for slot, value in constants.items():
        slots[slot] = value
    known = set(constants)
    remaining = []
    for step in steps:
        if step.definition.pure and all(slot in known for feed in step.feeds for slot in feed.slots):
            for slot in {slot for feed in step.feeds for slot in feed.slots}:
                slots[slot] = _wide(slots[slot], compute)
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


def with_wide_constants(
    steps: Sequence[Step], initial: Sequence[object], kept: frozenset[int], compute: torch.dtype
) -> tuple[object, ...]:
    """Return the slots with each floating constant in `compute`, but for those that need not be held whole in it.

    They are tables that steps only gather from, what is gathered being widened by its store, and large weights of which
    a step keeps what it makes of them.
    """
    readers = [(slot, step, feed.parameter) for step in steps for feed in step.feeds for slot in feed.slots]
    wide = kept | {slot for slot, step, parameter in readers if not _reads_narrow(step, parameter, initial[slot])}
    return tuple(_wide(value, compute) if slot in wide else value for slot, value in enumerate(initial))


def _reads_narrow(step: Step, parameter: str, value: object) -> bool:
    if (step.op.type, parameter) == ("gather", "x"):
        return True
    return isinstance(value, Tensor) and value.numel() >= LARGE and packs(step, parameter)


def _wide(value: object, compute: torch.dtype) -> object:
    return widened(value, compute) if isinstance(value, Tensor) else value

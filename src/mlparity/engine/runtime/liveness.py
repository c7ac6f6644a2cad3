"""When a value is used for the last time, so that its memory can be freed."""

from __future__ import annotations

from dataclasses import replace

from mlparity.engine.runtime.plan import Step


def with_frees(steps: tuple[Step, ...], kept: frozenset[int]) -> tuple[Step, ...]:
    """Return the steps with `frees`: the slots that no later step and no output needs; unused results included."""
    needed = set(kept)
    backwards = []
    for step in reversed(steps):
        touched = {slot for feed in step.feeds for slot in feed.slots} | {store.slot for store in step.stores}
        backwards.append(replace(step, frees=tuple(sorted(touched - needed))))
        needed |= touched
    return tuple(reversed(backwards))

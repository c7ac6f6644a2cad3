"""A classifier's plan without its labels, so that what it gives are numbers that a difference is told of."""

from __future__ import annotations

from dataclasses import replace

from mlparity.engine.runtime.liveness import with_frees
from mlparity.engine.runtime.plan import Plan, Step

_CLASSIFY, _TAKEN = "classify", "probabilities"


def with_probabilities(plan: Plan) -> Plan:
    """Return the plan with the probabilities that `classify` takes in place of its table, and without its label."""
    by_table: dict[int, int] = {}
    labels: set[int] = set()
    for step in plan.steps:
        taken = _taken(step)
        if taken is not None:
            label, table = (store.slot for store in step.stores)
            by_table[table] = taken
            labels.add(label)
    outputs = {
        name: (by_table.get(slot, slot), declared)
        for name, (slot, declared) in plan.outputs.items()
        if slot not in labels
    }
    steps = tuple(step for step in plan.steps if _taken(step) is None)
    kept = frozenset([*(slot for slot, _ in outputs.values()), *(state.last for state in plan.states.values())])
    return replace(plan, outputs=outputs, steps=with_frees(steps, kept))


def _taken(step: Step) -> int | None:
    """Return the slot of the probabilities of a `classify`, None of another step, or where they are constants."""
    feeds = step.feeds if step.op.type == _CLASSIFY and len(step.stores) == 2 else ()
    return next((feed.slots[0] for feed in feeds if feed.parameter == _TAKEN), None)

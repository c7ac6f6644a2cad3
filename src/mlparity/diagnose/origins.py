"""Where in the source an op of the converted graph comes from, by what it computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from mlparity.core.trace import Origin, SourceTrace
from mlparity.diagnose.alignment import SourceValues
from mlparity.engine.runtime.plan import Plan

_TOLERANCE = 2e-2
"""Of the largest element: fp16 weights and what follows from them (assumed). The nearest value is taken."""

_AHEAD = 8


def origins_of(
    plan: Plan, values: Mapping[int, object], trace: SourceTrace, indices: Sequence[int]
) -> dict[int, Origin]:
    """Return, for steps of a run, the source's op that gives the same values, or the first after it that does.

    `values` are those of `plan` in wide arithmetic. A step is left out where nothing that follows it is in the source.
    """
    source = SourceValues(trace)
    made_by = {number: op.origin for op in trace.ops for number, _ in op.results}
    found = {}
    for index in indices:
        number = _number(plan, values, source, index)
        if number in made_by:
            found[index] = made_by[number]
    return found


def _number(plan: Plan, values: Mapping[int, object], source: SourceValues, index: int) -> int | None:
    reached = {store.slot for store in plan.steps[index].stores}
    for step in plan.steps[index : index + _AHEAD]:
        reads = {slot for feed in step.feeds for slot in feed.slots}
        made = [store.slot for store in step.stores]
        if not (reached & {*reads, *made}):
            continue
        for slot in made:
            reached.add(slot)
            value = values.get(slot)
            number = source.find(value, _TOLERANCE) if isinstance(value, Tensor) else None
            if number is not None:
                return number
    return None

"""Where the shapes of a graph part from those of its source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from mlparity.core.trace import SourceTrace
from mlparity.engine.mil.program import Op
from mlparity.engine.runtime.plan import Plan, Step
from mlparity.record.causes import Cause, CauseKind, Evidence, LocatedOp, Observation


def reshaped(
    unlike: Sequence[str], names: Sequence[str], plan: Plan, values: Mapping[int, object], trace: SourceTrace | None
) -> Cause:
    """Return the cause of outputs that are missing or of another shape, with the op at which shapes begin to differ.

    `unlike` says which, and `names` are the graph's names of those that it has. The op is the first on the way to one
    of them whose result has a number of elements that no value of the source has; without one none is named.
    """
    unlike_outputs = Evidence(Observation.OUTPUTS_NOT_COMPARED, names={"reasons": "; ".join(unlike)})
    found = None if trace is None else _first(_on_the_way(plan, names), values, _sizes(trace))
    if found is None:
        return Cause(CauseKind.CONVERTER, (unlike_outputs,))
    step, shape = found
    begins = Evidence(
        Observation.SHAPES_DIVERGE, names={"op": f"{step.op.type} {step.op.location!r}", "shape": str(shape)}
    )
    return Cause(CauseKind.CONVERTER, (unlike_outputs, begins), (_op(step.op, shape),))


def _sizes(trace: SourceTrace) -> frozenset[int]:
    made = [array for op in trace.ops for _, array in op.results]
    return frozenset(array.size for array in (*made, *(array for _, _, array in trace.inputs)))


def _on_the_way(plan: Plan, names: Sequence[str]) -> list[Step]:
    """Return the steps that outputs depend on, in order."""
    makers = {store.slot: index for index, step in enumerate(plan.steps) for store in step.stores}
    waiting = [plan.outputs[name][0] for name in names if name in plan.outputs]
    seen: set[int] = set()
    while waiting:
        index = makers.get(waiting.pop())
        if index is not None and index not in seen:
            seen.add(index)
            waiting.extend(slot for feed in plan.steps[index].feeds for slot in feed.slots)
    return [plan.steps[index] for index in sorted(seen)]


def _first(
    steps: Sequence[Step], values: Mapping[int, object], sizes: frozenset[int]
) -> tuple[Step, tuple[int, ...]] | None:
    for step in steps:
        for store in step.stores:
            value = values.get(store.slot)
            if isinstance(value, Tensor) and value.numel() not in sizes:
                return step, tuple(value.shape)
    return None


def _op(op: Op, shape: tuple[int, ...]) -> LocatedOp:
    output = op.outputs[0].name if op.outputs else op.location
    return LocatedOp(op.type, op.location, output, note=f"its result has the shape {shape}")

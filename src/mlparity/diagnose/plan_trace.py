"""What a package that our engine runs computed on one sample, op by op."""

from __future__ import annotations

from torch import Tensor

from mlparity.core.graph_trace import GraphOp, GraphTrace
from mlparity.diagnose.distance import Tensors
from mlparity.diagnose.substitution import values_of
from mlparity.engine.runtime.plan import Plan


def graph_of(plan: Plan, inputs: Tensors) -> GraphTrace:
    """Return the values of every step of a plan, by slot; constants are those that the plan holds before a run."""
    made = {slot: value for slot, value in values_of(plan, inputs).items() if isinstance(value, Tensor)}
    held = {slot: value for slot, value in enumerate(plan.initial) if isinstance(value, Tensor)}
    ops = tuple(
        GraphOp(
            step.op.type,
            step.op.location,
            tuple(str(slot) for feed in step.feeds for slot in feed.slots),
            tuple(str(store.slot) for store in step.stores),
        )
        for step in plan.steps
    )
    values = {str(slot): value.detach().cpu().numpy() for slot, value in {**held, **made}.items()}
    given = {name: str(slot) for name, (slot, _) in plan.inputs.items()}
    returned = {name: str(slot) for name, (slot, _) in plan.outputs.items()}
    return GraphTrace(ops, values, frozenset(map(str, held)), given, returned)

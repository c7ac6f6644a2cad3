"""What a package that our engine runs computed on one sample, op by op."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from mlparity.core.graph_trace import GraphOp, GraphTrace
from mlparity.diagnose.distance import Tensors
from mlparity.diagnose.substitution import values_of
from mlparity.engine.runtime.blocks import bodies_of
from mlparity.engine.runtime.plan import Plan, Step


def graph_of(plan: Plan, inputs: Tensors) -> GraphTrace:
    """Return the values of every step of a plan, by their names; constants are those that it holds before a run."""
    made = {slot: value for slot, value in values_of(plan, inputs).items() if isinstance(value, Tensor)}
    held = {slot: value for slot, value in enumerate(plan.initial) if isinstance(value, Tensor)}
    names, inner = _names(plan), {step.op.location: dict(_of_blocks(step, step.op.location)) for step in plan.steps}
    ops = tuple(
        GraphOp(
            step.op.type,
            step.op.location,
            (*(_name(names, slot) for feed in step.feeds for slot in feed.slots), *inner[step.op.location]),
            tuple(_name(names, store.slot) for store in step.stores),
        )
        for step in plan.steps
    )
    values = {_name(names, slot): value.detach().cpu().numpy() for slot, value in {**held, **made}.items()}
    within = {name: value.detach().cpu().numpy() for each in inner.values() for name, value in each.items()}
    given = {name: _name(names, slot) for name, (slot, _) in plan.inputs.items()}
    returned = {name: _name(names, slot) for name, (slot, _) in plan.outputs.items()}
    constants = frozenset(_name(names, slot) for slot in held) | frozenset(within)
    return GraphTrace(ops, {**values, **within}, constants, given, returned)


def _of_blocks(step: Step, path: str) -> Iterator[tuple[str, Tensor]]:
    """Yield the constants that the blocks of a step hold, those of blocks within them too."""
    for number, body in enumerate(bodies_of(step)):
        place = f"{path} block {number}"
        yield from (
            (f"{place} slot {slot}", each) for slot, each in enumerate(body.initial) if isinstance(each, Tensor)
        )
        for position, inner in enumerate(body.steps):
            yield from _of_blocks(inner, f"{place} step {position}")


def _names(plan: Plan) -> dict[int, str]:
    pairs = (pair for step in plan.steps for pair in zip(step.stores, step.op.outputs, strict=False))
    return {store.slot: output.name for store, output in pairs}


def _name(names: Mapping[int, str], slot: int) -> str:
    """Return a value's name in the program; one without a step, such as a constant, goes by its slot."""
    return names.get(slot, f"slot {slot}")

"""One run of steps: what a hook sees and may change, what is freed, and how a run is taken up in the middle."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mlparity.engine.mil.program import Name, NamedType, Op, OtherType, TensorType
from mlparity.engine.numerics import FP32
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.frame import Frame
from mlparity.engine.runtime.plan import Plan, Step
from tests.engine.runtime.programs import as_tensor, op, program, tensor

X = torch.tensor([1.0, -2.0, 3.0])


@pytest.fixture
def plan() -> Plan:
    """y = exp(x + x) * x, whose sum dies at `exp` and whose exponential dies at `mul`."""
    vector = [tensor(name, "fp32", 3) for name in ("s", "e", "y")]
    ops = (
        op("add", vector[0], x="%x", y="%x"),
        op("exp", vector[1], x="%s"),
        op("mul", vector[2], x="%e", y="%x"),
    )
    return bind(program((tensor("x", "fp32", 3),), ops, ("y",)), FP32)


def slot_of(plan: Plan, name: str) -> int:
    return next(store.slot for step in plan.steps for store in step.stores if store.output.name == name)


def test_a_run_gives_the_outputs_and_frees_what_nothing_reads_any_more(plan: Plan) -> None:
    frame = Frame.of(plan, {"x": X})
    frame.run()
    assert torch.equal(as_tensor(frame.outputs(plan)["y"]), torch.exp(X + X) * X)
    assert [frame.slots[slot_of(plan, name)] for name in ("s", "e")] == [None, None]


def test_the_hook_sees_each_result_before_anything_is_freed(plan: Plan) -> None:
    frame, seen = Frame.of(plan, {"x": X}), []

    def look(index: int, step: Step) -> None:
        reads = [frame.slots[slot] for feed in step.feeds for slot in feed.slots]
        assert all(isinstance(each, torch.Tensor) for each in reads)
        seen.append((index, step.op.type, as_tensor(frame.slots[step.stores[0].slot]).tolist()))

    frame.run(look)
    assert [entry[:2] for entry in seen] == [(0, "add"), (1, "exp"), (2, "mul")]
    assert seen[0][2] == [2.0, -4.0, 6.0]


def test_what_a_hook_puts_in_place_of_a_result_is_what_later_steps_read(plan: Plan) -> None:
    frame = Frame.of(plan, {"x": X})

    def zero_the_sum(_: int, step: Step) -> None:
        if step.op.type == "add":
            frame.put({step.stores[0].slot: torch.zeros(3)})

    frame.run(zero_the_sum)
    assert torch.equal(as_tensor(frame.outputs(plan)["y"]), X)


@pytest.mark.parametrize("index", range(4))
def test_a_run_taken_up_at_any_step_ends_as_the_whole_run_does(plan: Plan, index: int) -> None:
    whole, values = Frame.of(plan, {"x": X}), dict[int, object]()
    values.update(whole.values(plan.given))
    whole.run(lambda _, step: values.update(whole.values(store.slot for store in step.stores)))
    frame, ran = Frame.resumed(plan, values, index), []
    frame.run(lambda place, _: ran.append(place), index)
    assert ran == list(range(index, 3))
    assert torch.equal(*(as_tensor(each.outputs(plan)["y"]) for each in (frame, whole)))


def test_step_by_step_is_the_same_as_a_run(plan: Plan) -> None:
    frame = Frame.of(plan, {"x": X})
    for index in range(len(plan.steps)):
        frame.step(index)
        frame.free(index)
    assert torch.equal(as_tensor(frame.outputs(plan)["y"]), torch.exp(X + X) * X)
    assert frame.slots[slot_of(plan, "s")] is None


def test_a_run_changes_nothing_that_the_next_one_starts_with() -> None:
    added = op("add", tensor("y", "fp32", 3), x="%x", y=np.array([1, 2, 3], np.float32))
    plan = bind(program((tensor("x", "fp32", 3),), (added,), ("y",)), FP32)
    initial = list(plan.initial)
    for _ in range(2):
        frame = Frame.of(plan, {"x": X})
        frame.run()
        assert as_tensor(frame.outputs(plan)["y"]).tolist() == [2, 0, 6]
    assert all(now is before for now, before in zip(plan.initial, initial, strict=True))


def test_a_state_that_is_not_given_starts_at_zero_and_one_that_is_keeps_its_value() -> None:
    state = NamedType("s", OtherType("state", (TensorType("fp16", (2,)),)))
    read = op("read_state", tensor("y", "fp16", 2), input="%s")
    written = Op("write_state", {"input": (Name("s"),), "data": (Name("x"),)}, (), "write")
    made = program((tensor("x", "fp16", 2), state), (read, written), ("y",), opset=18)
    plan = bind(made, FP32)
    fresh = Frame.of(plan, {"x": torch.ones(2)})
    fresh.run()
    assert as_tensor(fresh.outputs(plan)["y"]).tolist() == [0, 0]
    again = Frame.of(plan, {"x": torch.ones(2)}, fresh.states(plan))
    again.run()
    assert as_tensor(again.outputs(plan)["y"]).tolist() == [1, 1]

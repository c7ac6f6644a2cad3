"""Nested blocks: what they capture, what they carry, and how they end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mlparity.core.errors import ExecutionError, FormatError, InputError
from mlparity.engine.mil.program import Block, Feature, Name, NamedType, Op, OtherType, Program, TensorType
from mlparity.engine.numerics import FP32, TYPED
from mlparity.engine.runtime import blocks
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan, run_stateful
from mlparity.engine.runtime.model import Model
from tests.engine.runtime.programs import as_array, as_tensor, computed, constant, op, program, tensor

STATE = NamedType("s", OtherType("state", (TensorType("fp16", (2,)),)))


def nested(kind: str, output: NamedType, parameter: str, names: list[str], *inner: Block) -> Op:
    arguments = tuple(Name(name) for name in names)
    return Op(kind, {parameter: arguments}, (output,), output.name, inner)


def write(source: str) -> Op:
    return Op("write_state", {"input": (Name("s"),), "data": (Name(source),)}, (), "write")


def read(output: str) -> Op:
    return op("read_state", tensor(output, "fp16", 2), input="%s")


def branching() -> Program:
    """Return `x * k` where p holds, `x + x` elsewhere: both blocks use x, one a constant, and both call theirs z."""
    k = Op(
        "const",
        {},
        (tensor("k", "fp32", 2),),
        "k",
        attributes={"val": constant(np.array([2, 3], np.float32))},
    )
    when_true = Block((), (op("mul", tensor("z", "fp32", 2), x="%x", y="%k"),), ("z",))
    when_false = Block((), (op("add", tensor("z", "fp32", 2), x="%x", y="%x"),), ("z",))
    cond = nested("cond", tensor("y", "fp32", 2), "pred", ["p"], when_true, when_false)
    return program((tensor("p", "bool"), tensor("x", "fp32", 2)), (k, cond), ("y",))


def counting(limit: float, *more: Op) -> Program:
    """Return i and x after `while i < limit: i, x = i + 1, x * x`, with `more` in the body; i starts at n."""
    inputs = (tensor("i", "fp32"), tensor("v", "fp32", 2))
    condition = Block(inputs, (op("less", tensor("go", "bool"), x="%i", y=np.float32(limit)),), ("go",))
    steps = (op("add", tensor("j", "fp32"), x="%i", y=np.float32(1)), op("mul", tensor("w", "fp32", 2), x="%v", y="%v"))
    loop = nested(
        "while_loop",
        tensor("n2", "fp32"),
        "loop_vars",
        ["n", "x"],
        condition,
        Block(inputs, (*steps, *more), ("j", "w")),
    )
    loop = replace(loop, outputs=(tensor("n2", "fp32"), tensor("y", "fp32", 2)))
    return program((tensor("n", "fp32"), tensor("x", "fp32", 2)), (loop,), ("n2", "y"))


@pytest.mark.parametrize("kernels", [False, True])
def test_cond_runs_the_block_that_its_predicate_chooses(kernels: bool) -> None:
    plan = bind(branching(), FP32, kernels=kernels)
    x = torch.tensor([1.0, -5.0])
    for held, wanted in ((True, [2, -15]), (False, [2, -10])):
        assert computed(plan, {"p": torch.tensor(held), "x": x})["y"].tolist() == wanted


def test_a_while_loop_runs_until_its_condition_fails_and_not_at_all_where_it_does_at_once() -> None:
    plan = bind(counting(3), FP32)
    x = torch.tensor([2.0, -1.0])
    assert {k: v.tolist() for k, v in computed(plan, {"n": torch.tensor(1.0), "x": x}).items()} == {
        "n2": 3,
        "y": [16, 1],
    }
    assert computed(plan, {"n": torch.tensor(3.0), "x": x})["y"].tolist() == [2, -1]


def test_the_gradient_flows_through_a_loop_and_a_branch() -> None:
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    computed(bind(counting(2), FP32), {"n": torch.tensor(0.0), "x": x})["y"].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [32, 108]
    x = x.detach().requires_grad_()
    computed(bind(branching(), FP32), {"p": torch.tensor(True), "x": x})["y"].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2, 3]


def test_each_block_rounds_to_its_declared_types() -> None:
    block = Block((), (op("add", tensor("z", "fp16", 1), x="%x", y=np.array([2**-12], np.float16)),), ("z",))
    cond = nested("cond", tensor("y", "fp16", 1), "pred", ["p"], block, block)
    plan = bind(program((tensor("p", "bool"), tensor("x", "fp16", 1)), (cond,), ("y",)), TYPED)
    assert computed(plan, {"p": torch.tensor(True), "x": torch.ones(1)})["y"].item() == 1


def test_an_endless_loop_ends_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MAX_ITERATIONS", 50)
    plan = bind(counting(float("inf")), FP32)
    with pytest.raises(ExecutionError, match="did not end within 50"):
        run_plan(plan, {"n": torch.tensor(1.0), "x": torch.ones(2)})


def test_an_op_within_a_block_is_named_where_it_fails() -> None:
    plan = bind(branching(), FP32)
    with pytest.raises(ExecutionError, match="op 'z'"):
        run_plan(plan, {"p": torch.tensor(True), "x": torch.ones(3)})


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_blocks_is_refused(count: int) -> None:
    whole = branching()
    k, cond = whole.functions["main"].body.ops
    body = Block((), (k, replace(cond, blocks=(cond.blocks[0],) * count)), ("y",))
    function = replace(whole.functions["main"], body=body)
    with pytest.raises(FormatError, match=f"{count} blocks"):
        bind(replace(whole, functions={"main": function}), FP32)


def stateful(*ops: Op, outputs: tuple[str, ...]) -> Program:
    return program((tensor("x", "fp16", 2), tensor("p", "bool"), STATE), ops, outputs, opset=18)


def test_a_read_sees_the_write_before_it_and_not_the_one_after() -> None:
    plan = bind(
        stateful(
            read("a"), op("add", tensor("b", "fp16", 2), x="%x", y="%a"), write("b"), read("c"), outputs=("a", "c")
        ),
        TYPED,
    )
    inputs = {"x": torch.tensor([1.0, 2.0]), "p": torch.tensor(True)}
    first, states = run_stateful(plan, inputs, {})
    assert [*(as_tensor(first[name]).tolist() for name in "ac")] == [[0, 0], [1, 2]]
    second, states = run_stateful(plan, inputs, states)
    assert [*(as_tensor(second[name]).tolist() for name in "ac"), states["s"].tolist()] == [[1, 2], [2, 4], [2, 4]]


def test_a_branch_that_writes_a_state_and_one_that_does_not() -> None:
    block = Block((), (op("add", tensor("z", "fp16", 2), x="%x", y="%x"), write("z")), ("z",))
    cond = nested("cond", tensor("y", "fp16", 2), "pred", ["p"], block, Block((), (), ("x",)))
    plan = bind(stateful(cond, read("c"), outputs=("y", "c")), TYPED)
    x, states = torch.ones(2), {"s": torch.full((2,), 7.0)}
    for held, wanted in ((True, [2, 2]), (False, [7, 7])):
        outputs, after = run_stateful(plan, {"x": x, "p": torch.tensor(held)}, states)
        assert as_tensor(outputs["c"]).tolist() == after["s"].tolist() == wanted


def test_loops_within_each_other_share_their_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    (inner,) = counting(20).functions["main"].body.ops
    inner = replace(inner, outputs=(tensor("n3", "fp32"), tensor("y3", "fp32", 2)))
    inputs = {"n": torch.tensor(0.0), "x": torch.tensor([1.0, 1.0])}
    monkeypatch.setattr(blocks, "MAX_ITERATIONS", 50)
    with pytest.raises(ExecutionError, match="did not end within 50"):
        run_plan(bind(counting(10, inner), FP32), inputs)
    assert computed(bind(counting(2, inner), FP32), inputs)["n2"].item() == 2
    assert computed(bind(counting(40), FP32), inputs)["n2"].item() == 40


def test_a_loop_carries_the_state_that_its_body_writes() -> None:
    body = (read("a"), op("add", tensor("b", "fp16", 2), x="%a", y="%x16"), write("b"))
    whole = counting(3, *body)
    cast = op("cast", tensor("x16", "fp16", 2), x="%x", dtype="fp16")
    function = whole.functions["main"]
    function = replace(
        function,
        inputs=(*function.inputs, STATE),
        opset=18,
        body=replace(function.body, ops=(cast, *function.body.ops)),
    )
    plan = bind(replace(whole, functions={"main": function}), TYPED)
    _, states = run_stateful(
        plan, {"n": torch.tensor(0.0), "x": torch.tensor([1.0, 2.0])}, {"s": torch.tensor([10.0, 0.0])}
    )
    assert states["s"].tolist() == [13, 6]


def test_a_model_with_state_starts_at_zero_and_moves_on_with_each_prediction() -> None:
    model = Model(
        bind(stateful(read("a"), op("add", tensor("b", "fp16", 2), x="%x", y="%a"), write("b"), outputs=("b",)), TYPED)
    )
    features, state = {"x": np.array([1, 2], np.float32), "p": np.array(True)}, model.make_state()
    assert [as_array(model.predict(features, state)["b"]).tolist() for _ in range(2)] == [[1, 2], [2, 4]]
    state.write("s", [0.1, 1e6])
    assert state.read("s").tolist() == [np.float16(0.1), np.inf]
    assert as_array(model.predict(features, model.make_state())["b"]).tolist() == [1, 2]


@pytest.mark.parametrize("value", [[1.0], [[1.0, 2.0]], ["a", "b"]])
def test_a_value_that_a_state_cannot_hold_is_refused(value: object) -> None:
    state = Model(bind(stateful(read("a"), outputs=("a",)), TYPED)).make_state()
    with pytest.raises(InputError, match="'s'"):
        state.write("s", value)
    with pytest.raises(InputError, match="no state 't'"):
        state.read("t")


def test_state_is_asked_for_where_there_is_one_and_nowhere_else() -> None:
    stateful_model = Model(bind(stateful(read("a"), outputs=("a",)), TYPED))
    with pytest.raises(InputError, match="none is given"):
        stateful_model.predict({"x": np.zeros(2), "p": np.array(True)})
    with pytest.raises(InputError, match="no state"):
        Model(bind(branching(), FP32)).make_state()
    with pytest.raises(InputError, match="not this model's"):
        Model(bind(branching(), FP32)).predict({}, stateful_model.make_state())


def test_a_failed_run_leaves_the_state_as_it_was() -> None:
    ops = (
        write("x"),
        op("gather", tensor("y", "fp16", 1), x="%x", indices=np.array([5], np.int32), axis=0, validate_indices=True),
    )
    model = Model(bind(stateful(*ops, outputs=("y",)), TYPED))
    state = model.make_state()
    with pytest.raises(ExecutionError):
        model.predict({"x": np.ones(2), "p": np.array(True)}, state)
    assert state.read("s").tolist() == [0, 0]


@pytest.mark.parametrize("held", [TensorType("fp16", (None,)), TensorType("fp16", (-1,)), TensorType("string", (2,))])
def test_a_state_of_no_fixed_shape_or_of_no_numbers_is_refused(held: TensorType) -> None:
    loose = NamedType("s", OtherType("state", (held,)))
    with pytest.raises(FormatError, match="no fixed shape"):
        bind(program((loose,), (op("read_state", tensor("a", "fp16", None), input="%s"),), ("a",), opset=18), TYPED)


def test_a_state_beyond_the_memory_is_refused() -> None:
    huge = NamedType("s", OtherType("state", (TensorType("fp16", (2**40,)),)))
    plan = bind(program((huge,), (op("read_state", tensor("a", "fp16", 2**40), input="%s"),), ("a",), opset=18), TYPED)
    with pytest.raises(FormatError, match="do not fit into memory"):
        Model(plan).make_state()


def test_a_state_that_the_description_knows_in_another_shape_is_refused() -> None:
    whole = stateful(read("a"), outputs=("a",))
    interface = replace(whole.interfaces["main"], states=(Feature("s", "stateType", "fp16", (3,)),))
    with pytest.raises(FormatError, match=r"of \(3,\)"):
        bind(replace(whole, interfaces={"main": interface}), TYPED)


def test_a_list_or_a_state_is_no_output() -> None:
    kept = NamedType("kept", OtherType("list", (TensorType("fp32", (2,)),)))
    made = Op("make_list", {"init_length": (constant(2),), "elem_shape": (constant([2]),)}, (kept,), "kept")
    with pytest.raises(FormatError, match="'kept' is no array"):
        bind(program((tensor("x", "fp32", 2),), (made,), ("kept",)), FP32)
    held = NamedType("total", OtherType("state", (TensorType("fp32", (2,)),)))
    with pytest.raises(FormatError, match="'total' is no array"):
        bind(program((held,), (), ("total",)), FP32)

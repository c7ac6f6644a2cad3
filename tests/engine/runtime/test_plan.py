from __future__ import annotations

import numpy as np
import pytest
import torch

from mlparity.core.errors import ExecutionError, FormatError, InputError, UnsupportedOpError
from mlparity.engine.mil.program import Program
from mlparity.engine.numerics import FP32, REFERENCE, TYPED, Profile
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.model import Model
from tests.engine.runtime.programs import as_array, as_tensor, computed, op, program, tensor

X = tensor("x", "fp16", 3)
VALUES = np.array([0.1, 1000.3, -2.0], np.float32)


def _relu_of_sum() -> Program:
    total = op("add", tensor("s", "fp16", 3), x="%x", y=np.array([0.3, 0.3, 0.3], np.float16))
    return program((X,), (total, op("relu", tensor("y", "fp16", 3), x="%s")), ("y",))


def test_an_fp16_typed_result_lies_on_the_fp16_grid() -> None:
    found = Model(bind(_relu_of_sum(), TYPED)).predict({"x": VALUES})["y"]
    expected = np.maximum(VALUES.astype(np.float16).astype(np.float32) + np.float32(np.float16(0.3)), 0)
    assert np.array_equal(as_array(found), expected.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize(("profile", "width"), [(FP32, np.float32), (REFERENCE, np.float64)])
def test_a_wide_profile_rounds_nothing_on_the_way(profile: Profile, width: type) -> None:
    plan = bind(_relu_of_sum(), profile)
    held = computed(plan, {"x": torch.from_numpy(VALUES.astype(width))})["y"]
    assert held.numpy().dtype == width
    assert np.array_equal(held.numpy(), np.maximum(VALUES.astype(width) + width(np.float16(0.3)), 0))


def test_rounding_before_or_after_a_fused_activation_gives_the_same_bits() -> None:
    plan = bind(_relu_of_sum(), TYPED)
    assert [step.stores[0].numerics is None for step in plan.steps] == [True, False]
    inner = op("add", tensor("s", "fp16", 3), x="%x", y=np.array([0.3, 0.3, 0.3], np.float16))
    outer = op("relu", tensor("y", "fp16", 3), x="%s")
    apart = bind(program((X,), (inner, outer), ("y", "s")), TYPED)
    assert apart.steps[0].stores[0].numerics is not None
    together = Model(plan).predict({"x": VALUES})["y"]
    assert np.array_equal(as_array(Model(apart).predict({"x": VALUES})["y"]), as_array(together))


def test_one_op_may_have_a_profile_of_its_own() -> None:
    plan = bind(_relu_of_sum(), TYPED, profiles={"s": FP32})
    held = computed(plan, {"x": torch.from_numpy(VALUES)})["y"]
    assert np.array_equal(held.numpy(), np.maximum(VALUES + np.float32(np.float16(0.3)), 0))
    alike = bind(_relu_of_sum(), FP32, profiles={"s": TYPED, "y": TYPED})
    assert [step.stores[0].numerics is None for step in alike.steps] == [True, False]


def test_plans_of_one_function_share_their_constants() -> None:
    written, shared = _relu_of_sum(), dict[str, torch.Tensor]()
    first, second = (bind(written, profile, shared=shared) for profile in (TYPED, FP32))
    slot = next(place for place, value in enumerate(first.initial) if value is not None)
    assert first.initial[slot] is second.initial[slot]


def test_what_depends_on_constants_alone_runs_once_at_bind() -> None:
    folded = op("mul", tensor("c", "fp32", 3), x=np.array([1, 2, 3], np.float32), y=np.array([2, 2, 2], np.float32))
    added = op("add", tensor("y", "fp32", 3), x="%x", y="%c")
    plan = bind(program((tensor("x", "fp32", 3),), (folded, added), ("y",)), FP32)
    assert [step.op.type for step in plan.steps] == ["add"]
    assert as_array(Model(plan).predict({"x": np.zeros(3, np.float32)})["y"]).tolist() == [2, 4, 6]


def test_a_constant_may_be_an_output() -> None:
    folded = op("mul", tensor("c", "fp32", 3), x=np.array([1, 2, 3], np.float32), y=np.array([2, 2, 2], np.float32))
    plan = bind(program((), (folded,), ("c",)), FP32)
    assert plan.steps == ()
    assert as_array(Model(plan).predict({})["c"]).tolist() == [2, 4, 6]


def test_values_are_freed_at_their_last_use_and_constants_stay() -> None:
    plan = bind(_relu_of_sum(), TYPED)
    first, last = plan.steps
    assert plan.inputs["x"][0] in first.frees
    assert first.stores[0].slot in last.frees
    assert plan.outputs["y"][0] not in last.frees
    once, twice = (as_array(Model(plan).predict({"x": VALUES})["y"]) for _ in range(2))
    assert np.array_equal(once, twice)


def test_a_tap_sees_each_result_as_it_was_stored() -> None:
    seen = {}
    run_plan(
        bind(_relu_of_sum(), TYPED),
        {"x": torch.from_numpy(VALUES)},
        lambda op, name, value: seen.update({name: as_tensor(value)}),
    )
    assert list(seen) == ["s", "y"]
    assert torch.equal(seen["y"], seen["y"].half().float())


def test_the_gradient_flows_through_a_plan() -> None:
    x = torch.tensor([0.5, -1.0, 2.0], requires_grad=True)
    computed(bind(_relu_of_sum(), TYPED), {"x": x})["y"].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 0, 1]


def test_an_unknown_op_names_op_opset_and_location() -> None:
    with pytest.raises(UnsupportedOpError) as caught:
        bind(program((X,), (op("frobnicate", tensor("y", "fp16", 3), x="%x"),), ("y",)), TYPED)
    assert all(text in str(caught.value) for text in ("frobnicate", "iOS16", "'y'"))


@pytest.mark.parametrize(
    ("inputs", "text"),
    [({"x": "%x", "z": "%x"}, "unknown 'z'"), ({}, "no 'x'"), ({"x": "text"}, "string")],
)
def test_inputs_that_do_not_fit_the_definition_are_refused(inputs: dict[str, object], text: str) -> None:
    with pytest.raises(FormatError, match=text):
        bind(program((X,), (op("relu", tensor("y", "fp16", 3), **inputs),), ("y",)), TYPED)


def test_a_wrong_declared_shape_is_refused_before_memory_is_taken() -> None:
    tiled = op("tile", tensor("y", "fp16", 3), x="%x", reps=np.array([2**30], np.int32))
    with pytest.raises(FormatError, match="another shape"):
        bind(program((X,), (tiled,), ("y",)), TYPED)


def test_an_op_that_cannot_run_is_named() -> None:
    wrong = op("add", tensor("y", "fp32", None), x="%x", y="%z")
    inputs = (tensor("x", "fp32", None), tensor("z", "fp32", None))
    plan = bind(program(inputs, (wrong,), ("y",)), FP32)
    with pytest.raises(ExecutionError, match="'add'") as caught:
        run_plan(plan, {"x": torch.zeros(2), "z": torch.zeros(3)})
    assert "'y'" in caught.value.where


def test_an_unknown_function_is_refused() -> None:
    with pytest.raises(FormatError, match="no function 'other'"):
        bind(_relu_of_sum(), TYPED, "other")


@pytest.mark.parametrize(
    ("features", "text"),
    [({"x": VALUES, "q": VALUES}, "no input 'q'"), ({}, "missing"), ({"x": VALUES[:2]}, "another shape")],
)
def test_features_are_checked_at_the_door(features: dict[str, np.ndarray], text: str) -> None:
    with pytest.raises(InputError, match=text):
        Model(bind(_relu_of_sum(), TYPED)).predict(features)

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import pytest
import torch

from mlparity.core.errors import ExecutionError, MlparityError
from mlparity.engine.mil.program import Program
from mlparity.engine.numerics import FP32, REFERENCE, TYPED, Profile
from mlparity.engine.numerics.kernels.fp32_products import LONGEST
from mlparity.engine.ops.registry import find
from mlparity.engine.ops.schema import schema_of
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.optimised import matrix
from mlparity.engine.runtime.optimised.choose import NEW_MEMORY
from mlparity.engine.runtime.optimised.conv import PackedConvolution, PackedPointwise
from mlparity.engine.runtime.optimised.linear import PackedLinear
from mlparity.engine.runtime.plan import Plan
from mlparity.engine.runtime.tensors import storage_dtype
from tests.cases.families import cases
from tests.engine.runtime.programs import as_tensor, computed, op, program, tensor

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((2, 4, 9, 8)).astype(np.float32)
BIAS = RANDOM.standard_normal(6).astype(np.float32)


def _weight(groups: int) -> np.ndarray:
    return RANDOM.standard_normal((6, 4 // groups, 3, 3)).astype(np.float32)


def _program(activation: str | None, size: tuple[int, int], **parameters: object) -> Program:
    conv = op("conv", tensor("c", "fp16", 2, 6, *size), x="%x", bias=BIAS, **parameters)
    bounds = {"alpha": np.float32(-0.5), "beta": np.float32(0.75)} if activation == "clip" else {}
    follower = () if activation is None else (op(activation, tensor("y", "fp16", 2, 6, *size), x="%c", **bounds),)
    return program((tensor("x", "fp16", 2, 4, 9, 8),), (conv, *follower), ("y" if follower else "c",))


CASES: dict[str, tuple[str | None, tuple[int, int], dict[str, object]]] = {
    "plain": (None, (7, 6), {"weight": _weight(1)}),
    "padded, strided": (
        "relu",
        (5, 4),
        {"weight": _weight(1), "strides": (2, 2), "pad_type": "custom", "pad": (1, 1, 1, 1)},
    ),
    "grouped, clipped": ("clip", (7, 6), {"weight": _weight(2), "groups": 2}),
    "dilated, relu6": ("relu6", (5, 4), {"weight": _weight(1), "dilations": (2, 2)}),
    "of single places": ("clip", (9, 8), {"weight": _weight(1)[:, :, :1, :1]}),
    "of single places, strided": (None, (5, 4), {"weight": _weight(1)[:, :, :1, :1], "strides": (2, 2)}),
    "a smooth activation stays apart": ("silu", (7, 6), {"weight": _weight(1)}),
    "uneven padding keeps the plain op": (
        "relu",
        (8, 6),
        {"weight": _weight(1), "pad_type": "custom", "pad": (1, 0, 0, 0)},
    ),
}


def _run(plan: Plan) -> np.ndarray:
    (held,) = computed(plan, {"x": torch.from_numpy(X).to(plan.profile.compute)}).values()
    return held.numpy()


@pytest.mark.parametrize("profile", [FP32, TYPED], ids=lambda profile: profile.name)
@pytest.mark.parametrize("name", CASES)
def test_a_optimised_step_computes_what_its_step_computes(name: str, profile: Profile) -> None:
    activation, size, parameters = CASES[name]
    written = _program(activation, size, **parameters)
    plain, fast = _run(bind(written, profile)), _run(bind(written, profile, kernels=True))
    unit = 2.0**-10 if profile is TYPED else 2.0**-20
    # Where products cancel, the error of a sum is that of its largest terms, in whatever order a processor adds them.
    np.testing.assert_allclose(fast, plain, rtol=unit, atol=unit * np.abs(plain).max())


def test_an_activation_moves_into_the_convolution() -> None:
    activation, size, parameters = CASES["grouped, clipped"]
    plan = bind(_program(activation, size, **parameters), FP32, kernels=True)
    assert [step.op.type for step in plan.steps] == ["conv"]
    assert plan.steps[0].stores[0].output.name == "y"
    assert all(value is None for value in plan.initial), "the unpacked weights are freed"


def test_a_processor_that_does_not_convert_fp16_runs_the_plain_ops(monkeypatch: pytest.MonkeyPatch) -> None:
    activation, size, parameters = CASES["of single places"]
    written = _program(activation, size, **parameters)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    steps = bind(written, TYPED, kernels=True).steps
    assert [step.fn for step in steps] == [step.definition.fn for step in steps]
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert isinstance(bind(written, TYPED, kernels=True).steps[0].fn, PackedPointwise)


@pytest.mark.parametrize("bounds", [(-0.5, 0.75), (0.0, np.inf), (0.0, 0.1), (0.0, 1e30), (1.0, 0.0)])
def test_results_are_numbers_of_fp16_whatever_limits_them(bounds: tuple[float, float]) -> None:
    conv = op("conv", tensor("c", "fp16", 2, 6, 9, 8), x="%x", weight=_weight(1)[:, :, :1, :1], bias=BIAS)
    low, high = (np.float32(each) for each in bounds)
    clip = op("clip", tensor("y", "fp16", 2, 6, 9, 8), x="%c", alpha=low, beta=high)
    written = program((tensor("x", "fp16", 2, 4, 9, 8),), (conv, clip), ("y",))
    found = _run(bind(written, TYPED, kernels=True))
    np.testing.assert_array_equal(found, found.astype(np.float16))
    np.testing.assert_allclose(found, _run(bind(written, TYPED)), rtol=2.0**-10, atol=2.0**-10)


def test_a_convolution_of_single_places_is_a_product_of_channels() -> None:
    activation, size, parameters = CASES["of single places"]
    (step,) = bind(_program(activation, size, **parameters), FP32, kernels=True).steps
    assert isinstance(step.fn, PackedPointwise)
    with pytest.raises(ValueError, match="4 channels"):
        step.fn(torch.zeros(2, 5, 9, 8))
    x = torch.from_numpy(X)
    assert torch.equal(step.fn(x), step.fn(x.contiguous(memory_format=torch.channels_last)))


def test_an_input_of_another_rank_than_the_weights_is_refused_by_name() -> None:
    conv = op("conv", tensor("y", "fp16", 2, 6, 9), x="%x", weight=_weight(1)[:, :, :1, :1], pad_type="valid")
    written = program((tensor("x", "fp16", 2, 4, 9),), (conv,), ("y",))
    with pytest.raises(MlparityError):
        computed(bind(written, TYPED, kernels=True), {"x": torch.zeros(2, 4, 9)})


def test_only_fp32_has_optimised_steps() -> None:
    activation, size, parameters = CASES["plain"]
    plan = bind(_program(activation, size, **parameters), REFERENCE, kernels=True)
    assert plan.steps[0].fn is plan.steps[0].definition.fn


@pytest.mark.parametrize(
    "parameters",
    [
        {"groups": 3},
        {"groups": 0},
        {"groups": True},
        {"strides": (0, 1)},
        {"strides": ((1, 1), (1, 1))},
        {"strides": (True, True)},
        {"dilations": (True, True)},
        {"pad_type": "custom", "pad": (True, True, True, True)},
        {"dilations": (1,)},
        {"strides": (-1, 1)},
    ],
)
def test_parameters_that_fit_nothing_are_refused_by_the_plain_op(parameters: dict[str, object]) -> None:
    with pytest.raises(MlparityError):
        _run(bind(_program(None, (7, 6), weight=_weight(1), **parameters), FP32, kernels=True))


ROWS, INNER, OUTER = 64, 160, 256
MATRIX = (RANDOM.standard_normal((OUTER, INNER)) / 16).astype(np.float16)


def _linear(dtype: str, rows: int | None = ROWS, activation: str | None = None, **inputs: object) -> Program:
    first = op("linear", tensor("y", dtype, 1, rows, OUTER), x="%x", **{"weight": MATRIX, **inputs})
    follower = () if activation is None else (op(activation, tensor("z", dtype, 1, rows, OUTER), x="%y"),)
    return program((tensor("x", dtype, 1, rows, INNER),), (first, *follower), ("z" if follower else "y",))


def _rows(plan: Plan, rows: int = ROWS) -> np.ndarray:
    x = np.random.default_rng(1).standard_normal((1, rows, INNER)).astype(np.float16)
    (held,) = computed(plan, {"x": torch.from_numpy(x).to(plan.profile.compute)}).values()
    return held.numpy()


@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize("bias", [{}, {"bias": RANDOM.standard_normal(OUTER).astype(np.float16)}], ids=["", "bias"])
def test_a_packed_matrix_computes_what_linear_computes(bias: dict[str, Any], activation: str | None) -> None:
    written = _linear("fp16", activation=activation, **bias)
    exact, plain = _rows(bind(written, REFERENCE)), _rows(bind(written, TYPED))
    plan = bind(written, TYPED, kernels=True)
    assert isinstance(plan.steps[0].fn, PackedLinear)
    assert len(plan.steps) == 1
    assert all(value is None for value in plan.initial), "the unpacked weights are freed"
    unit = 2.0**-10
    np.testing.assert_allclose(_rows(plan), plain, rtol=unit, atol=unit)
    np.testing.assert_allclose(_rows(plan), exact, rtol=2 * unit, atol=4 * unit)  # sums of 160 products


def test_a_matrix_is_packed_by_the_first_run_and_then_let_go() -> None:
    plan = bind(_linear("fp16"), TYPED, kernels=True)
    (step,) = plan.steps
    assert isinstance(step.fn, PackedLinear)
    weight = step.fn.matrix.weights
    assert weight._packed is None
    assert weight._source is not None
    assert weight._source[0].dtype is torch.float16, "nothing was widened yet"
    with torch.inference_mode():
        first = _rows(plan)
    packed = weight()
    assert weight._source is None
    assert not packed.is_inference()
    np.testing.assert_array_equal(_rows(plan), first)
    assert weight() is packed


def test_matrices_are_widened_one_after_the_other_in_the_same_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    square = [(RANDOM.standard_normal((INNER, INNER)) / 16).astype(np.float16) for _ in range(3)]
    steps = [
        op("linear", tensor(f"y{place + 1}", "fp16", 1, 128, INNER), x=f"%y{place}" if place else "%x", weight=each)
        for place, each in enumerate(square)
    ]
    written = program((tensor("x", "fp16", 1, 128, INNER),), tuple(steps), ("y3",))
    pack, places = matrix.in_blocks, list[int]()

    def watched(wide: torch.Tensor) -> torch.Tensor:
        places.append(wide.data_ptr())
        return pack(wide)

    monkeypatch.setattr(matrix, "in_blocks", watched)
    fast = _rows(bind(written, TYPED, kernels=True), 128)
    assert len(places) == 3
    assert len(set(places)) == 1
    np.testing.assert_allclose(fast, _rows(bind(written, TYPED), 128), rtol=2.0**-9, atol=2.0**-9)


def test_weights_that_are_widened_one_after_the_other_stay_apart() -> None:
    kernels = [(RANDOM.standard_normal((4, 4, 3, 3)) / 6).astype(np.float16) for _ in range(3)]
    padding = {"pad_type": "custom", "pad": (1, 1, 1, 1)}
    steps = [
        op(
            "conv",
            tensor(f"c{place + 1}", "fp16", 2, 4, 9, 8),
            x=f"%c{place}" if place else "%x",
            weight=each,
            **padding,
        )
        for place, each in enumerate(kernels)
    ]
    written = program((tensor("x", "fp16", 2, 4, 9, 8),), tuple(steps), ("c3",))
    fast = bind(written, TYPED, kernels=True)
    assert all(step.fn is not step.definition.fn for step in fast.steps)
    np.testing.assert_allclose(_run(fast), _run(bind(written, TYPED)), rtol=2.0**-9, atol=2.0**-9)


@pytest.mark.parametrize(("rows", "is_packed"), [(1, False), (6, False), (7, True), (None, True)])
def test_a_product_of_little_work_is_left_to_pytorch(rows: int | None, is_packed: bool) -> None:
    plan, count = bind(_linear("fp16", rows), TYPED, kernels=True), 5 if rows is None else rows
    assert isinstance(plan.steps[0].fn, PackedLinear) is is_packed
    found, plain = _rows(plan, count), _rows(bind(_linear("fp16", rows), TYPED), count)
    np.testing.assert_allclose(found, plain, rtol=2.0**-10, atol=2.0**-10)


@pytest.mark.parametrize("activation", [None, "relu", "relu6"])
def test_a_wide_matrix_in_fp32_is_summed_in_parts(activation: str | None) -> None:
    wide = RANDOM.standard_normal((128, 2 * LONGEST + 8)).astype(np.float32)
    bias = RANDOM.standard_normal(128).astype(np.float32)
    first = op("linear", tensor("y", "fp32", 64, 128), x="%x", weight=wide, bias=bias)
    follower = () if activation is None else (op(activation, tensor("z", "fp32", 64, 128), x="%y"),)
    written = program((tensor("x", "fp32", 64, wide.shape[1]),), (first, *follower), ("z" if follower else "y",))
    plan = bind(written, FP32, kernels=True)
    (step,) = plan.steps
    assert isinstance(step.fn, PackedLinear)
    x = torch.from_numpy(RANDOM.standard_normal((64, wide.shape[1])).astype(np.float32))
    ((found,), (plain,), (exact,)) = (
        computed(each, {"x": x.to(each.profile.compute)}).values()
        for each in (plan, bind(written, FP32), bind(written, REFERENCE))
    )
    errors = [float((each - exact).square().mean().sqrt()) for each in (found, plain)]
    assert errors[0] < 1.2 * errors[1]


def test_a_packed_matrix_refuses_another_width() -> None:
    plan = bind(_linear("fp16"), TYPED, kernels=True)
    with pytest.raises(ExecutionError, match="160 columns"):
        computed(plan, {"x": torch.zeros(1, ROWS, INNER + 1)})


def test_a_table_that_is_only_gathered_from_stays_in_its_own_type() -> None:
    table = np.arange(12, dtype=np.float16).reshape(6, 2) / 8
    written = program(
        (tensor("x", "int32", 2),),
        (
            op(
                "gather",
                tensor("y", "fp16", 2, 2),
                x=table,
                indices="%x",
                axis=np.int32(0),
                batch_dims=np.int32(0),
                validate_indices=False,
            ),
        ),
        ("y",),
        opset=17,
    )
    plan = bind(written, TYPED, kernels=True)
    assert [value.dtype for value in plan.initial if isinstance(value, torch.Tensor)] == [torch.float16]
    (held,) = computed(plan, {"x": torch.tensor([5, 0], dtype=torch.int32)}).values()
    assert held.dtype is torch.float32
    np.testing.assert_array_equal(held.numpy(), table[[5, 0]])


def test_plans_with_and_without_optimised_steps_share_constants() -> None:
    written, shared = _linear("fp16"), dict[str, torch.Tensor]()
    fast = bind(written, TYPED, kernels=True, shared=shared)
    plain = bind(written, TYPED, shared=shared)
    np.testing.assert_allclose(_rows(fast), _rows(plain), rtol=2.0**-10, atol=2.0**-10)


@pytest.mark.parametrize("name", sorted(NEW_MEMORY))
def test_an_op_that_is_rounded_in_place_returns_new_memory(name: str) -> None:
    found = [case for _, case in cases() if case.op == name and case.raises is None]
    assert found
    for case in found:
        inputs = {
            key: torch.from_numpy(np.array(value)) if isinstance(value, np.ndarray) else value
            for key, value in case.inputs.items()
        }
        definition = find(name, case.opset)
        extra = {"num": FP32.numerics("fp32")} if schema_of(definition.fn).takes_num else {}
        result = as_tensor(definition.fn(**inputs, **extra))
        held = {value.untyped_storage().data_ptr() for value in inputs.values() if isinstance(value, torch.Tensor)}
        assert result.numel() == 0 or result.untyped_storage().data_ptr() not in held


@pytest.mark.parametrize("activation", [None, "relu", "relu6", "clip"])
@pytest.mark.parametrize("profile", [FP32, TYPED], ids=lambda profile: profile.name)
def test_a_convolution_and_its_activation_keep_nan(activation: str | None, profile: Profile) -> None:
    padding = {"pad_type": "custom", "pad": (1, 1, 1, 1)}
    written = _program(activation, (9, 8), weight=_weight(1), **padding)
    plan, x = bind(written, profile, kernels=True), torch.from_numpy(X.copy())
    assert isinstance(plan.steps[0].fn, PackedConvolution)
    x[0, 0, 4, 4] = torch.nan
    x[1, :2, 4, 4] = torch.tensor([torch.inf, -torch.inf])
    (found,), (plain,) = (computed(each, {"x": x}).values() for each in (plan, bind(written, profile)))
    assert int(plain.isnan().sum()) > 6 * 9, "of both kinds of sums, one may be infinite"
    assert torch.equal(found.isnan(), plain.isnan())


@pytest.mark.parametrize("declared", ["uint8", "int8", "int32", "bool"])
@pytest.mark.parametrize("taps", [1, 3])
def test_a_convolution_of_whole_numbers_is_left_to_the_plain_op(declared: str, taps: int) -> None:
    conv = op("conv", tensor("y", "fp32", 2, 6, 9, 8), x="%x", weight=_weight(1)[:, :, :taps, :taps], pad_type="same")
    written = program((tensor("x", declared, 2, 4, 9, 8),), (conv,), ("y",))
    plan = bind(written, FP32, kernels=True)
    assert plan.steps[0].fn is plan.steps[0].definition.fn
    with pytest.raises(ExecutionError):
        computed(plan, {"x": torch.from_numpy(X).to(storage_dtype(declared, torch.float32))})


@pytest.mark.parametrize("channels", [4, 16])
@pytest.mark.parametrize("kind", ["same", "same_lower"])
def test_padding_goes_by_the_size_that_comes(kind: str, channels: int) -> None:
    groups = {"groups": channels} if channels == 16 else {}
    weight = RANDOM.standard_normal((channels, 1 if groups else channels, 3, 2)).astype(np.float32)
    ways = {"weight": weight, "strides": (2, 2), "pad_type": kind, **groups}
    conv = op("conv", tensor("y", "fp32", 1, channels, None, None), x="%x", **ways)
    written = program((tensor("x", "fp32", 1, channels, 9, 8),), (conv,), ("y",))
    plan, plain = bind(written, FP32, kernels=True), bind(written, FP32)
    assert plan.steps[0].fn is not plan.steps[0].definition.fn
    for size in ((9, 8), (8, 9), (5, 3)):
        x = torch.from_numpy(RANDOM.standard_normal((1, channels, *size)).astype(np.float32))
        (found,), (wanted,) = (computed(each, {"x": x}).values() for each in (plan, plain))
        unit = 2.0**-20
        np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=unit, atol=unit * float(wanted.abs().max()))


def test_an_infinite_weight_beside_padding_is_left_to_pytorch() -> None:
    weight = _weight(1)
    weight[0, 0, 0, 0] = np.inf
    for pad, is_packed in (((1, 1, 1, 1), False), ((0, 0, 0, 0), True)):
        conv = op("conv", tensor("y", "fp32", 2, 6, None, None), x="%x", weight=weight, pad_type="custom", pad=pad)
        (step,) = bind(program((tensor("x", "fp32", 2, 4, 9, 8),), (conv,), ("y",)), FP32, kernels=True).steps
        assert (step.fn is not step.definition.fn) is is_packed


def test_limits_that_a_definition_refuses_are_refused_with_optimised_steps_too() -> None:
    linear = op("linear", tensor("y", "fp32", ROWS, OUTER), x="%x", weight=MATRIX.astype(np.float32))
    clip = op("clip", tensor("z", "fp32", ROWS, OUTER), x="%y", alpha=np.float32(1), beta=np.float32(1))
    written = program((tensor("x", "fp32", ROWS, INNER),), (linear, clip), ("z",), opset=17)
    for kernels in (False, True):
        with pytest.raises(ExecutionError, match="not below"):
            computed(bind(written, FP32, kernels=kernels), {"x": torch.zeros(ROWS, INNER)})

"""LSTMs by our kernel, against the op's own steps in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlparity.core.errors import ExecutionError
from mlparity.engine.mil.program import Program, TensorType
from mlparity.engine.numerics import FP32, REFERENCE, TYPED, Profile
from mlparity.engine.numerics.kernels import team
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan
from mlparity.engine.runtime.optimised.lstm import PackedLstm
from tests.engine.runtime.programs import computed, op, program, tensor

OUTPUTS = ("states", "h", "c")


def _program(steps: int, samples: int, inputs: int, units: int, direction: str, dtype: str = "fp32") -> Program:
    random = np.random.default_rng(units)
    kind, count = np.float16 if dtype == "fp16" else np.float32, 2 if direction == "bidirectional" else 1

    def weight(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) / np.sqrt(max(units, 1))).astype(kind)

    weights: dict[str, np.ndarray] = {}
    for end in ("", "_back")[:count]:
        weights |= {
            f"weight_ih{end}": weight(4 * units, inputs),
            f"weight_hh{end}": weight(4 * units, units),
            f"bias{end}": weight(4 * units),
        }
    wide = count * units
    shapes = {"states": (steps, samples, wide), "h": (samples, wide), "c": (samples, wide)}
    lstm = op(
        "lstm",
        *(tensor(name, dtype, *shape) for name, shape in shapes.items()),
        x="%x",
        initial_h="%h0",
        initial_c="%c0",
        direction=direction,
        output_sequence=True,
        **weights,
    )
    given = {"x": (steps, samples, inputs), "h0": (samples, wide), "c0": (samples, wide)}
    return program(tuple(tensor(name, dtype, *shape) for name, shape in given.items()), (lstm,), OUTPUTS)


def _inputs(written: Program, profile: Profile) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    (function,) = written.functions.values()
    shapes = {each.name: each.type.shape for each in function.inputs if isinstance(each.type, TensorType)}
    return {
        name: torch.randn([size for size in shape or () if size is not None], generator=generator)
        .half()
        .to(profile.compute)
        for name, shape in shapes.items()
    }


def _run(written: Program, profile: Profile, *, kernels: bool = False) -> dict[str, torch.Tensor]:
    return computed(bind(written, profile, kernels=kernels), _inputs(written, profile))


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 6),
    st.integers(1, 3),
    st.integers(1, 40),
    st.integers(1, 70),
    st.sampled_from(["forward", "reverse", "bidirectional"]),
)
def test_the_states_are_those_of_float64(steps: int, samples: int, inputs: int, units: int, direction: str) -> None:
    written = _program(steps, samples, inputs, units, direction)
    assert isinstance(bind(written, FP32, kernels=True).steps[0].fn, PackedLstm)
    found, exact = _run(written, FP32, kernels=True), _run(written, REFERENCE)
    for name in OUTPUTS:
        assert found[name].shape == exact[name].shape
        assert (found[name] - exact[name]).abs().max() < 2e-6, name


def test_a_long_sequence_of_many_units_errs_as_pytorch_does() -> None:
    written = _program(50, 1, 80, 300, "forward")
    found, plain, exact = _run(written, FP32, kernels=True), _run(written, FP32), _run(written, REFERENCE)
    errors = [float((each["states"] - exact["states"]).square().mean().sqrt()) for each in (found, plain)]
    assert errors[0] < 2 * errors[1]


def test_results_typed_fp16_are_rounded_after_each_step() -> None:
    written = _program(12, 2, 9, 40, "bidirectional", "fp16")
    found, plain = _run(written, TYPED, kernels=True), _run(written, TYPED)
    for name in OUTPUTS:
        assert torch.equal(found[name], found[name].half().float())
        assert (found[name] - plain[name]).abs().max() <= 2.0**-9, name


def test_neither_threads_nor_their_lack_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    written, before = _program(9, 1, 30, 250, "forward"), torch.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(_run(written, FP32, kernels=True)["states"])
        monkeypatch.setattr(team, "openmp", lambda: None)
        results.append(_run(written, FP32, kernels=True)["states"])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(each, results[0]) for each in results)


def test_no_steps_give_the_initial_states() -> None:
    written = _program(0, 2, 5, 20, "forward")
    inputs = _inputs(written, FP32)
    found = computed(bind(written, FP32, kernels=True), inputs)
    assert found["states"].shape == (0, 2, 20)
    assert torch.equal(found["h"], inputs["h0"])
    assert torch.equal(found["c"], inputs["c0"])


def test_nan_stays_with_its_sample() -> None:
    written = _program(3, 2, 5, 20, "forward")
    inputs = _inputs(written, FP32)
    inputs["x"][1, 0, 0] = torch.nan
    states = computed(bind(written, FP32, kernels=True), inputs)["states"]
    assert states[0].isfinite().all()
    assert states[1:, 0].isnan().all()
    assert states[:, 1].isfinite().all()


def test_inputs_that_do_not_fit_are_refused_by_name() -> None:
    written = _program(3, 2, 5, 20, "forward")
    plan, inputs = bind(written, FP32, kernels=True), _inputs(written, FP32)
    with pytest.raises(ExecutionError, match="5 columns"):
        run_plan(plan, {**inputs, "x": torch.zeros(3, 2, 6)})
    with pytest.raises(ExecutionError, match="initial_c"):
        run_plan(plan, {**inputs, "c0": torch.zeros(2, 21)})


def test_a_gate_that_is_shut_makes_nan_of_an_infinite_state() -> None:
    written = _program(1, 1, 1, 16, "forward")
    inputs = {"x": torch.full((1, 1, 1), -torch.inf), "h0": torch.zeros(1, 16), "c0": torch.full((1, 16), torch.inf)}
    found, plain = (computed(bind(written, FP32, kernels=kernels), inputs)["c"] for kernels in (True, False))
    assert plain.isnan().any()
    assert plain.isinf().any()
    np.testing.assert_array_equal(found.numpy(), plain.numpy())


@pytest.mark.parametrize("kernels", [False, True])
def test_no_hidden_units_give_no_states(kernels: bool) -> None:
    written = _program(9, 1, 3, 0, "bidirectional")
    found = computed(bind(written, FP32, kernels=kernels), _inputs(written, FP32))
    assert [found[name].shape for name in OUTPUTS] == [(9, 1, 0), (1, 0), (1, 0)]

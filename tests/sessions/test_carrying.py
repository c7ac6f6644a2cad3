from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import ExecutionError, InputError
from mlparity.core.session import Outputs, Sample, Signature, TensorSpec
from mlparity.sessions import torch as torch_backend
from mlparity.sessions.carrying import CarryingSession
from mlparity.sessions.checked import run_checked
from tests.loading import load_source


class Sum(nn.Module):
    def forward(self, x: Tensor, total: Tensor) -> dict[str, Tensor]:
        return {"next_total": total + x, "seen": x}


def one(value: float) -> np.ndarray:
    return np.array([value], np.float32)


def session(carry: dict[str, str], double: bool = False) -> CarryingSession:
    source = load_source(Sum().eval(), {"x": one(0), "total": one(0)})
    return CarryingSession(torch_backend.open(source, double=double), carry)


class Shaped:
    """A session that knows its inputs' shapes, as files do."""

    runtime = "shaped"
    signature = Signature(
        (TensorSpec("x", (1,), "float32"), TensorSpec("total", (1,), "float32")),
        (TensorSpec("next_total", (1,), "float16"),),
    )

    def run(self, sample: Sample) -> Outputs:
        assert sample["total"].dtype == np.float32
        return {"next_total": (sample["total"] + sample["x"]).astype(np.float16)}

    def close(self) -> None:
        pass


def test_an_output_becomes_the_next_runs_input() -> None:
    with session({"next_total": "total"}) as carrying:
        first = run_checked(carrying, {"x": one(1), "total": one(10)})
        later = [run_checked(carrying, {"x": one(step)}) for step in (2, 3)]
    assert [outputs["next_total"].item() for outputs in (first, *later)] == [11, 13, 16]


def test_a_later_samples_own_state_is_ignored_until_a_reset() -> None:
    carrying = session({"next_total": "total"})
    carrying.run({"x": one(1), "total": one(10)})
    assert carrying.run({"x": one(1), "total": one(500)})["next_total"].item() == 12
    carrying.reset()
    assert carrying.run({"x": one(1), "total": one(500)})["next_total"].item() == 501


def test_each_session_carries_its_own_state_in_its_own_type() -> None:
    third = np.array([1 / 3], np.float32)
    wide, narrow = session({"next_total": "total"}, double=True), session({"next_total": "total"})
    for _ in range(4):
        exact = wide.run({"x": third, "total": one(0)})["next_total"]
        rounded = narrow.run({"x": third, "total": one(0)})["next_total"]
    assert exact.item() == 4 * np.float64(third.item())
    assert rounded.dtype == np.float32


def test_without_a_first_state_zeros_of_the_signature_are_taken() -> None:
    carrying = CarryingSession(Shaped(), {"next_total": "total"})
    assert [run_checked(carrying, {"x": one(2)})["next_total"].item() for _ in range(3)] == [2, 4, 6]


def test_without_a_first_state_and_a_known_shape_it_is_asked_for() -> None:
    with pytest.raises(InputError, match="first state is not known") as caught:
        session({"next_total": "total"}).run({"x": one(1)})
    assert "input total" in caught.value.where


def test_without_a_carry_nothing_changes() -> None:
    carrying = session({})
    outputs = [carrying.run({"x": one(1), "total": one(1)})["next_total"].item() for _ in range(2)]
    assert outputs == [2, 2]
    assert carrying.runtime == f"PyTorch {torch.__version__} (fp32)"


@pytest.mark.parametrize("carry", [{"next_total": "sum"}, {"next_total": "total", "seen": "total"}])
def test_an_input_that_cannot_be_fed_is_refused_at_once(carry: dict[str, str]) -> None:
    with pytest.raises(InputError, match="cannot be carried") as caught:
        session(carry)
    assert "x, total" in caught.value.expected


def test_an_output_that_is_not_there_is_named() -> None:
    with pytest.raises(ExecutionError, match="no output state"):
        session({"state": "total"}).run({"x": one(1), "total": one(1)})

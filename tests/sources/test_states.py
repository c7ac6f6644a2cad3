"""A source that keeps its state in buffers, as a function of that state."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.errors import SourceError
from mlparity.core.source import Source
from mlparity.sessions import torch as torch_session
from mlparity.sources.load import flatten_source, load_module
from mlparity.sources.restored import restored_buffers
from mlparity.sources.states import with_states

X = [np.full((1, 2), value, np.float32) for value in (1.0, 2.0, 3.0)]


class Sum(nn.Module):
    """Adds its inputs up, in place; `scale` is a buffer that nobody writes."""

    total: Tensor
    scale: Tensor

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("total", torch.full((1, 2), start))
        self.register_buffer("scale", torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        self.total += x
        return self.total * self.scale


class Replaced(Sum):
    """Puts a new tensor in the buffer's place."""

    def forward(self, x: Tensor) -> Tensor:
        self.total = self.total + x
        return self.total * self.scale


class Inside(nn.Module):
    """The state is in a module of its own, and counted in integers beside it."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.sum = Sum()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, total: Tensor) -> Tensor:
        self.count += 1
        summed: Tensor = self.sum(total)
        return summed + self.count


def opened(module: nn.Module, name: str = "x") -> Source:
    samples = [{name: x} for x in X]
    return with_states(flatten_source(load_module(module.eval()), samples[0]), samples)


@pytest.mark.parametrize("kind", [Sum, Replaced])
def test_a_state_goes_in_and_comes_out(kind: type[Sum]) -> None:
    module = kind(5.0)
    source = opened(module)
    assert [(state.buffer, state.input, state.output) for state in source.states] == [("total", "total", "total_out")]
    assert source.carry == {"total_out": "total"}
    np.testing.assert_array_equal(source.initial["total"], np.full((1, 2), 5.0))
    with torch_session.open(source) as session:
        for _ in range(2):  # a run leaves nothing behind
            found = session.run({"x": X[0], "total": X[2]})
            np.testing.assert_array_equal(found["total_out"], np.full((1, 2), 4.0))
            np.testing.assert_array_equal(found["output"], np.full((1, 2), 8.0))
    np.testing.assert_array_equal(module.total.numpy(), np.full((1, 2), 5.0))


def test_a_buffer_made_in_inference_mode_is_put_back() -> None:
    with torch.inference_mode():
        module = Sum(5.0).eval()
    with torch.inference_mode(), restored_buffers(module) as buffers:
        module(torch.ones(1, 2))
        assert [buffer.path for buffer in buffers if buffer.is_written] == ["total"]
        for buffer in buffers:
            buffer.put_back()
        np.testing.assert_array_equal(module.total.numpy(), np.full((1, 2), 5.0))


def test_the_reference_carries_the_state_in_fp64() -> None:
    with torch_session.open(opened(Sum()), double=True) as session:
        found = session.run({"x": X[0], "total": np.full((1, 2), 1e-12)})
    np.testing.assert_array_equal(found["total_out"], np.full((1, 2), 1.0 + 1e-12))


def test_names_are_the_modules_own_and_differ_from_inputs() -> None:
    source = opened(Inside(), "total")
    assert {state.buffer for state in source.states} == {"count", "sum.total"}
    assert source.input_names == ("total", "count", "sum_total")
    assert source.output_names == ("output", "count_out", "sum_total_out")


def test_a_source_that_writes_no_buffer_stays_as_it_is() -> None:
    source = opened(nn.Sequential(nn.BatchNorm1d(2)), "input")
    assert source.states == ()
    assert source.stateful is None


class Noting(Sum):
    """Keeps what it computed last, which nothing reads, and a delay, which the next run reads."""

    last: Tensor
    before: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("last", torch.zeros(1, 2))
        self.register_buffer("before", torch.zeros(1, 2))

    def forward(self, x: Tensor) -> Tensor:
        result = x + self.before
        self.before.copy_(x)
        self.last.copy_(result)
        return result


def test_a_note_that_nothing_reads_is_no_state() -> None:
    assert [state.buffer for state in opened(Noting()).states] == ["before"]


class Logging(nn.Linear):
    """A layer that notes its last output: its file keeps no state, as before."""

    last: Tensor

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.register_buffer("last", torch.zeros(1, 2))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that the class above has
        self.last = super().forward(input)
        return self.last * 2


def test_a_module_that_only_notes_stays_as_it_is() -> None:
    source = opened(Logging(), "input")
    assert source.states == ()
    assert source.stateful is None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_with_a_state_is_refused() -> None:
    with pytest.raises(SourceError, match="TorchScript module keeps a state"):
        opened(torch.jit.trace(Sum().eval(), torch.ones(1, 2), check_trace=False))

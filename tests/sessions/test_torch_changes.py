"""A changed run of a source: a write left out, other answers to Python, other weights, a given result."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.core.change import Change
from mlparity.core.source import Source
from mlparity.sessions.torch_changes import named_weights, run_changed
from mlparity.sessions.torch_trace import trace_source
from tests.loading import load_source

SAMPLE = {"x": np.array([[1.0, -2.0, 3.0]], np.float32)}


class Net(nn.Module):
    """A layer, a write into a column, and a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3, bias=False)
        self.layer.weight.data.copy_(torch.eye(3) * 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        y[:, 1] = 7.0
        if y.sum() > 0:
            return y + 1
        return y - 1


def source() -> Source:
    return load_source(Net().eval(), SAMPLE)


def output(change: Change) -> list[float]:
    found = run_changed(source(), SAMPLE, change)
    assert found is not None
    [array] = found.values()
    return [float(each) for each in array[0]]


def test_nothing_changed_gives_what_the_source_gives() -> None:
    assert output(Change()) == [3.0, 8.0, 7.0]


def test_a_write_is_left_out() -> None:
    ops = trace_source(source(), SAMPLE).ops
    [write] = [op for op in ops if op.is_write]
    assert write.origin.line.startswith("test_torch_changes.py:")
    assert output(Change(lost=frozenset({write.call}))) == [3.0, -3.0, 7.0]


def test_python_gets_another_answer() -> None:
    ops = trace_source(source(), SAMPLE).ops
    assert [op.answer for op in ops if op.answer is not None] == [1.0]
    assert output(Change(answers=(0.0,))) == [1.0, 6.0, 5.0]


def test_weights_are_others() -> None:
    assert list(named_weights(source())) == ["layer.weight"]
    assert output(Change(weights={"layer.weight": np.eye(3)})) == [2.0, 8.0, 4.0]


def test_a_result_is_given() -> None:
    first = next(op for op in trace_source(source(), SAMPLE).ops if op.origin.op == "aten.mm")
    assert output(Change(given={first.call: (np.zeros((1, 3)),)})) == [1.0, 8.0, 1.0]


def test_a_change_that_fails_gives_nothing() -> None:
    assert run_changed(source(), SAMPLE, Change(weights={"layer.weight": np.zeros(4)})) is None


def test_settings_of_an_op_are_known() -> None:
    net = load_source(Sorted().eval(), SAMPLE)
    [op] = [op for op in trace_source(net, SAMPLE).ops if op.origin.op == "aten.topk"]
    assert op.settings["sorted"] is False


class Sorted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.topk(x, 2, sorted=False).values

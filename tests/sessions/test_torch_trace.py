"""What a trace keeps of writes into a part of a tensor."""

from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor, nn

from mlparity.core.trace import SourceTrace
from mlparity.sessions import torch_trace
from tests.loading import load_source


class Cache(nn.Module):
    """Writes two rows of what it is given, and reads the whole after each write."""

    def forward(self, rows: Tensor) -> Tensor:
        held = rows.clone()
        held[0:1] = rows[1:2] * 2.0
        first = held.sum()
        held[2:3] = rows[1:2] * 3.0
        return held + first


ROWS = np.arange(12, dtype=np.float32).reshape(3, 4)
ONCE, TWICE = ROWS.copy(), ROWS.copy()
ONCE[0] = ROWS[1] * 2
TWICE[0], TWICE[2] = ROWS[1] * 2, ROWS[1] * 3


def traced(module: type[nn.Module] = Cache) -> SourceTrace:
    return torch_trace.trace_source(load_source(module().eval(), {"rows": ROWS}), {"rows": ROWS})


def wholes(trace: SourceTrace) -> list[list[np.ndarray]]:
    """Return what each write left in the whole tensor."""
    return [[array for _, array in op.results if array.shape == ROWS.shape] for op in trace.ops if op.is_write]


def test_each_write_is_kept_with_the_whole_tensor() -> None:
    trace = traced()
    (once,), (twice,) = wholes(trace)
    np.testing.assert_array_equal(once, ONCE)
    np.testing.assert_array_equal(twice, TWICE)


def test_what_is_read_after_a_write_depends_on_it() -> None:
    trace = traced()
    writes = [op for op in trace.ops if op.is_write]
    summed = next(op for op in trace.ops if op.origin.op == "aten.sum")
    assert {number for number, _ in writes[0].results} & set(summed.inputs)


def test_beyond_a_bound_of_memory_only_the_last_write_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_trace, "_MOST_COPIED", 0)
    none, (twice,) = wholes(traced())
    assert not none
    np.testing.assert_array_equal(twice, TWICE)


class AllAfterAPart(nn.Module):
    """A write into a part of a tensor, and one into all of it."""

    def forward(self, rows: Tensor) -> Tensor:
        held = rows.clone()
        held[0] = 5.0
        return held.mul_(2.0)


def test_what_is_written_as_a_whole_at_last_is_no_earlier_write_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_trace, "_MOST_COPIED", 0)
    trace = traced(AllAfterAPart)
    ((_, output),) = trace.outputs
    (made,) = (op.origin.op for op in trace.ops if output in dict(op.results))
    assert made == "aten.mul_"

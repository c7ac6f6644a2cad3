"""Orders that a source leaves open, and the ones that an artifact may have."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.core.graph_trace import GraphOp, GraphTrace
from mlparity.core.trace import SourceTrace
from mlparity.diagnose.orders import open_orders
from mlparity.sessions.torch_trace import trace_source
from tests.loading import load_source

SAMPLE = {"x": np.array([[3.0, 1.0, 3.0, 2.0, 5.0]], np.float32)}


class Best(nn.Module):
    def __init__(self, is_sorted: bool) -> None:
        super().__init__()
        self.is_sorted = is_sorted

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values, places = torch.topk(x, 3, sorted=self.is_sorted)
        return values, places


class Sorted(nn.Module):
    def __init__(self, is_stable: bool) -> None:
        super().__init__()
        self.is_stable = is_stable

    def forward(self, x: Tensor) -> Tensor:
        return torch.sort(x, stable=self.is_stable).indices


def traced(module: nn.Module) -> SourceTrace:
    return trace_source(load_source(module.eval(), SAMPLE), SAMPLE)


def test_the_best_without_an_order_may_come_in_any() -> None:
    orders = {tuple(results[0][0]) for _, results in open_orders(traced(Best(is_sorted=False)))}
    assert {(5.0, 3.0, 3.0), (3.0, 3.0, 5.0)} <= orders
    assert list(open_orders(traced(Best(is_sorted=True)))) == []


def test_the_order_of_a_graph_comes_first() -> None:
    places = np.array([[0, 4, 2]])
    graph = GraphTrace((GraphOp("TopK", "t", (), ("p",)),), {"p": places}, frozenset(), {}, {})
    _, (values, found) = next(iter(open_orders(traced(Best(is_sorted=False)), graph)))
    np.testing.assert_array_equal(found, places)
    np.testing.assert_array_equal(values, [[3.0, 5.0, 3.0]])


def test_equal_values_may_change_places_in_an_unstable_sort_alone() -> None:
    found = [results[1][0].tolist() for _, results in open_orders(traced(Sorted(is_stable=False)))]
    assert [1, 3, 2, 0, 4] in found
    assert all(each[2:4] in ([2, 0], [0, 2]) for each in found)
    assert list(open_orders(traced(Sorted(is_stable=True)))) == []

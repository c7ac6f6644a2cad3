"""Where a graph of another runtime leaves its source: the first op whose inputs agree, confirmed in the source."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mlparity.core.change import Change
from mlparity.diagnose.by_changes import Sides
from mlparity.diagnose.graph_divergence import GraphDivergence, first_divergence
from tests.diagnose.sides import graph_of, sides_of
from tests.faults.fault import normal

[SAMPLE] = normal(3, 5)
X = SAMPLE["x"]


class Chain(nn.Module):
    """A sine, an exponential of it, and their difference from a mean."""

    def forward(self, x: Tensor) -> Tensor:
        y = torch.sin(x).exp()
        return y - y.mean(-1, keepdim=True)


STEPS = [("sin", ("x",), "a"), ("exp", ("a",), "b"), ("mean", ("b",), "c"), ("sub", ("b", "c"), "d")]


def found(sides: Sides) -> GraphDivergence | None:
    def rerun(change: Change) -> dict[str, np.ndarray] | None:
        outputs = sides.rerun(change)
        return None if outputs is None else {name: each.numpy() for name, each in outputs.items()}

    assert sides.graph is not None
    expected = {name: each.numpy() for name, each in sides.expected.items()}
    return first_divergence(sides.graph, sides.trace, expected, rerun)


def sides(b: np.ndarray, c: np.ndarray | None = None) -> Sides:
    """An artifact that has `b` for the exponential, and `c` for its mean."""
    mean = b.mean(-1, keepdims=True) if c is None else c
    values = {"x": X, "a": np.sin(X), "b": b, "c": mean, "d": b - mean}
    return sides_of(Chain().eval(), [SAMPLE], {"output": b - mean}, graph_of(STEPS, values))


def test_the_first_op_that_differs_is_named_with_the_source_s_own() -> None:
    place = found(sides(np.exp(0.8 * np.sin(X))))
    assert place is not None
    assert [op.type for op in place.ops] == ["exp"]
    assert place.origin is not None
    assert (place.origin.op, place.origin.line.partition(":")[0]) == ("aten.exp", "test_graph_divergence.py")
    assert place.removed == pytest.approx(1.0, abs=1e-3)


def test_a_later_op_is_named_where_the_values_before_it_agree() -> None:
    b = np.exp(np.sin(X))
    place = found(sides(b, b.mean(0, keepdims=True)[:, :1] + 0 * b[:, :1]))
    assert place is not None
    assert [op.type for op in place.ops] == ["mean"]
    assert place.origin is not None
    assert place.origin.op == "aten.mean"


def test_nothing_is_named_where_all_agrees() -> None:
    assert found(sides(np.exp(np.sin(X)))) is None


def test_values_in_another_layout_agree() -> None:
    b = np.exp(np.sin(X))
    steps = [("sin", ("x",), "a"), ("transpose", ("a",), "t"), ("exp", ("t",), "b"), *STEPS[2:]]
    wrong = b - 0.9 * b.mean(-1, keepdims=True)
    values = {"x": X, "a": np.sin(X), "t": np.sin(X).T, "b": b.T, "c": b.mean(-1, keepdims=True), "d": wrong}
    place = found(sides_of(Chain().eval(), [SAMPLE], {"output": wrong}, graph_of(steps, values)))
    assert place is not None
    assert [op.type for op in place.ops] == ["sub"]


def test_an_op_is_named_unconfirmed_where_the_source_cannot_run_with_its_value() -> None:
    each = sides(np.exp(0.8 * np.sin(X)))
    assert each.graph is not None
    expected = {name: value.numpy() for name, value in each.expected.items()}
    place = first_divergence(each.graph, each.trace, expected, lambda _: None)
    assert place is not None
    assert (place.ops[0].type, place.removed) == ("exp", None)

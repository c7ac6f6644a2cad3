"""Branches and loops: names that blocks change, counts, conditions, and ways out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mlparity.core.errors import ExecutionError, FormatError, UnsupportedOpError
from tests.engine.neural_network.networks import LayerSpec, add_layer, network, read, run


def body(message: Any, layers: Sequence[LayerSpec], label: str) -> None:
    message.SetInParent()
    for place, each in enumerate(layers):
        add_layer(message, each, f"{label}{place}")


def branch(
    when_true: Sequence[LayerSpec], when_false: Sequence[LayerSpec] | None, name: str = "branch", pred: str = "p"
) -> Any:
    """Return what adds a branch to a network."""

    def add(net: Any) -> None:
        layer = net.layers.add()
        layer.name = name
        layer.input.append(pred)
        body(layer.branch.ifBranch, when_true, f"{name}_if")
        if when_false is not None:
            body(layer.branch.elseBranch, when_false, f"{name}_else")

    return add


def loop(layers: Sequence[Any], *, count: int = 0, condition: Sequence[LayerSpec] = (), given: str = "") -> Any:
    """Return what adds a loop to a network; the condition is `go`."""

    def add(net: Any) -> None:
        layer = net.layers.add()
        layer.name = "loop"
        layer.input.extend([given] if given else [])
        layer.loop.maxLoopIterations = count
        if condition:
            layer.loop.conditionVar = "go"
            body(layer.loop.conditionNetwork, condition, "condition")
        layer.loop.bodyNetwork.SetInParent()
        for place, each in enumerate(layers):
            if isinstance(each, LayerSpec):
                add_layer(layer.loop.bodyNetwork, each, f"body{place}")
            else:
                each(layer.loop.bodyNetwork)

    return add


def of(parts: Sequence[Any], inputs: dict[str, tuple[int, ...]], outputs: Sequence[str] = ("y",)) -> Any:
    model = network([], inputs, outputs)
    for place, each in enumerate(parts):
        if isinstance(each, LayerSpec):
            add_layer(model.neuralNetwork, each, f"layer{place}")
        else:
            each(model.neuralNetwork)
    return model


def scaled(alpha: float, source: str, target: str) -> LayerSpec:
    return LayerSpec("multiply", {"alpha": alpha}, (source,), (target,))


def plus(alpha: float, source: str, target: str) -> LayerSpec:
    return LayerSpec("add", {"alpha": alpha}, (source,), (target,))


def copied(source: str, target: str) -> LayerSpec:
    return LayerSpec("copy", {}, (source,), (target,))


X = np.array([1.0, -2.0], np.float32)


def value(number: float) -> np.ndarray:
    return np.array([number], np.float32)


@pytest.mark.parametrize(("pred", "factor"), [(1.0, 2), (-0.5, 2), (0.0, 3), (1e-7, 3)])
def test_a_branch_runs_one_of_two_ways(pred: float, factor: int) -> None:
    model = of([branch([scaled(2, "x", "y")], [scaled(3, "x", "y")])], {"x": (2,), "p": (1,)})
    np.testing.assert_array_equal(run(model, x=X, p=value(pred))["y"], factor * X)


@pytest.mark.parametrize("pred", [0.0, 1.0])
def test_a_branch_without_the_other_way_may_overwrite(pred: float) -> None:
    parts = [plus(1, "x", "z"), branch([scaled(2, "x", "t"), copied("t", "z")], None), scaled(1, "z", "y")]
    want = 2 * X if pred else X + 1
    np.testing.assert_array_equal(run(of(parts, {"x": (2,), "p": (1,)}), x=X, p=value(pred))["y"], want)


def test_what_one_way_alone_gives_is_not_there_after_it() -> None:
    parts = [branch([scaled(2, "x", "t")], [scaled(3, "x", "u")]), scaled(1, "t", "y")]
    with pytest.raises(FormatError, match="'t', which no layer before it gives"):
        read(of(parts, {"x": (2,), "p": (1,)}))


@pytest.mark.parametrize("pred", [0.0, 1.0])
def test_ways_may_give_other_sizes(pred: float) -> None:
    ways = [LayerSpec("concatND", {"axis": 0}, ("x", "x"), ("y",))], [scaled(3, "x", "y")]
    got = run(of([branch(*ways)], {"x": (2,), "p": (1,)}), x=X, p=value(pred))["y"]
    np.testing.assert_array_equal(got, np.concatenate([X, X]) if pred else 3 * X)


def test_a_loop_of_a_fixed_count_carries_what_it_overwrites() -> None:
    parts = [copied("x", "y"), loop([plus(2, "y", "t"), copied("t", "y")], count=5)]
    np.testing.assert_array_equal(run(of(parts, {"x": (2,)}), x=X)["y"], X + 10)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_input_counts_instead(count: int) -> None:
    parts = [copied("x", "y"), loop([plus(2, "y", "t"), copied("t", "y")], count=7, given="n")]
    got = run(of(parts, {"x": (2,), "n": (1,)}), x=X, n=value(count))["y"]
    np.testing.assert_array_equal(got, X + 2 * count)


def test_a_condition_ends_a_loop() -> None:
    condition = [LayerSpec("lessThan", {"alpha": 100.0}, ("y",), ("go",))]
    parts = [copied("x", "y"), loop([scaled(3, "y", "t"), copied("t", "y")], condition=condition)]
    assert run(of(parts, {"x": (1,)}), x=value(2))["y"] == 162
    assert run(of(parts, {"x": (1,)}), x=value(200))["y"] == 200


def test_a_condition_and_a_count_end_a_loop_together() -> None:
    condition = [LayerSpec("lessThan", {"alpha": 100.0}, ("y",), ("go",))]
    parts = [copied("x", "y"), loop([scaled(3, "y", "t"), copied("t", "y")], condition=condition, count=2)]
    assert run(of(parts, {"x": (1,)}), x=value(2))["y"] == 18
    assert run(of(parts, {"x": (1,)}), x=value(50))["y"] == 150


def test_a_body_sees_what_the_condition_computes_and_what_it_computes_is_seen_after() -> None:
    condition = [plus(-1, "y", "less"), LayerSpec("greaterThan", {"alpha": 0.0}, ("less",), ("go",))]
    parts = [copied("x", "y"), loop([copied("less", "y"), scaled(2, "less", "z")], condition=condition)]
    got = run(of(parts, {"x": (1,)}, ("y", "z")), x=value(4))
    assert (got["y"], got["z"]) == (1, 2)


@pytest.mark.parametrize(("start", "want"), [(0, 3), (2, 3), (7, 8)])
def test_a_loop_may_be_left_and_begun_anew(start: float, want: float) -> None:
    """Count up to 3 at most; where it is beyond 2 then, leave before the doubling that nothing reaches."""
    leave = branch([LayerSpec("loopBreak", {}, (), ())], None, "leave", "big")
    parts = [
        copied("x", "y"),
        loop(
            [
                plus(1, "y", "t"),
                copied("t", "y"),
                LayerSpec("greaterThan", {"alpha": 2.0}, ("y",), ("big",)),
                leave,
                branch([LayerSpec("loopContinue", {}, (), ())], None, "again", "one"),
                scaled(2, "y", "u"),
                copied("u", "y"),
            ],
            count=10,
        ),
    ]
    assert run(of(parts, {"x": (1,), "one": (1,)}), x=value(start), one=value(1))["y"] == want


def test_a_loop_without_an_end_is_refused() -> None:
    with pytest.raises(FormatError, match="neither a number of iterations nor a condition"):
        read(of([copied("x", "y"), loop([copied("x", "y")])], {"x": (1,)}))


def test_an_endless_loop_ends_with_an_error() -> None:
    condition = [LayerSpec("greaterThan", {"alpha": -1.0}, ("x",), ("go",))]
    parts = [copied("x", "y"), loop([copied("x", "y")], condition=condition)]
    with pytest.raises(ExecutionError, match="did not end"):
        run(of(parts, {"x": (1,)}), x=value(1))


def test_a_way_out_of_no_loop_is_refused() -> None:
    with pytest.raises(FormatError, match="no loop around it"):
        read(of([copied("x", "y"), LayerSpec("loopBreak", {}, (), ())], {"x": (1,)}))


def test_a_layer_within_a_branch_is_refused_by_its_name() -> None:
    parts = [branch([LayerSpec("custom", {}, ("x",), ("y",))], None)]
    with pytest.raises(UnsupportedOpError, match="'branch_if0'"):
        read(of(parts, {"x": (1,), "p": (1,)}))


def test_a_loop_may_grow_a_tensor() -> None:
    grow = LayerSpec("concatND", {"axis": 0}, ("y", "x"), ("t",))
    parts = [copied("x", "y"), loop([grow, copied("t", "y")], count=3)]
    np.testing.assert_array_equal(run(of(parts, {"x": (2,)}), x=X)["y"], np.tile(X, 4))


def below(limit: float, source: str, target: str) -> LayerSpec:
    return LayerSpec("lessThan", {"alpha": limit}, (source,), (target,))


def first_size(source: str) -> list[LayerSpec]:
    """The size of the first axis of `source`, as `n`."""
    cut = {"beginIds": [0], "endIds": [1], "strides": [1], "beginMasks": [False], "endMasks": [False]}
    return [LayerSpec("getShape", {}, (source,), ("sizes",)), LayerSpec("sliceStatic", cut, ("sizes",), ("n",))]


def test_the_way_that_fixed_sizes_rule_out_need_not_fit() -> None:
    """A list that grows writes such branches: it adds as many rows as are missing, which may be less than none."""
    missing = [plus(-5.0, "n", "less"), LayerSpec("fillDynamic", {"value": 7.0}, ("less",), ("y",))]
    parts = [*first_size("x"), below(3.0, "n", "p"), branch([scaled(2.0, "x", "y")], missing)]
    model = of(parts, {"x": (2,)})
    np.testing.assert_array_equal(run(model, x=X)["y"], 2 * X)
    assert "cond" not in {each.type for each in read(model).functions["main"].walk()}


@pytest.mark.parametrize("size", [2, 9])
def test_an_open_size_decides_each_time(size: int) -> None:
    parts = [*first_size("x"), below(8.0, "n", "p"), branch([scaled(2.0, "x", "y")], [scaled(3.0, "x", "y")])]
    model = of(parts, {"x": (2,)})
    sizes = model.description.input[0].type.multiArrayType.shapeRange.sizeRanges.add()
    sizes.lowerBound, sizes.upperBound = 1, -1
    x = np.ones(size, np.float32)
    np.testing.assert_array_equal(run(model, x=x)["y"], x * (2 if size < 8 else 3))

"""Which of a source's weights an artifact holds, whatever a converter did to their order and type."""

from __future__ import annotations

import numpy as np

from mlparity.core.graph_trace import GraphOp, GraphTrace
from mlparity.diagnose.constants import Folding, held_weights, layouts, scales_of
from mlparity.diagnose.other_weights import exchanged, replacements

RANDOM = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def graph(**constants: np.ndarray) -> GraphTrace:
    """A graph that reads its constants in this order."""
    ops = tuple(GraphOp("op", name, (name,), (f"{name}_out",)) for name in constants)
    return GraphTrace(ops, constants, frozenset(constants), {}, {})


def test_weights_are_found_in_another_order_and_type() -> None:
    weights = {"a.weight": drawn(4, 3), "b.weight": drawn(5, 4), "c.weight": drawn(2, 3, 3, 3)}
    constants = {
        "first": weights["a.weight"].T,
        "second": weights["b.weight"].astype(np.float16),
        "third": weights["c.weight"].transpose(0, 2, 3, 1),
    }
    assert held_weights(weights, (), graph(**constants)).is_whole


def test_weights_are_found_inside_a_joined_constant() -> None:
    weights = {"q.weight": drawn(4, 8), "k.weight": drawn(4, 8)}
    joined = np.concatenate(list(weights.values()))
    assert held_weights(weights, (), graph(joined=joined)).is_whole


def test_a_weight_of_other_values_is_missing() -> None:
    weights = {"a.weight": drawn(4, 3), "b.weight": drawn(5, 4)}
    held = held_weights(weights, (), graph(first=weights["a.weight"], second=drawn(5, 4)))
    assert held.missing == ("b.weight",)
    assert list(held.unclaimed) == ["second"]


def test_a_difference_that_fp16_explains_is_none_and_a_larger_one_is() -> None:
    weights = {"a.weight": drawn(6, 6)}
    near = (weights["a.weight"] * (1 + 2e-4)).astype(np.float16)
    far = (weights["a.weight"] * (1 + 2e-2)).astype(np.float16)
    assert held_weights(weights, (), graph(a=near)).is_whole
    assert held_weights(weights, (), graph(a=far)).missing == ("a.weight",)


def convolution() -> tuple[dict[str, np.ndarray], Folding]:
    weights = {
        "conv.weight": drawn(4, 3, 3, 3),
        "norm.weight": RANDOM.uniform(0.5, 1.5, 4).astype(np.float32),
        "norm.bias": drawn(4),
        "norm.running_mean": drawn(4),
        "norm.running_var": RANDOM.uniform(0.5, 2.0, 4).astype(np.float32),
    }
    return weights, Folding("conv", "norm", 1e-5)


def test_a_norm_in_a_convolution_is_no_other_weight() -> None:
    weights, folding = convolution()
    constants = {"w": folding.weight(weights).astype(np.float32), "b": folding.bias(weights).astype(np.float32)}
    assert held_weights(weights, (folding,), graph(**constants)).is_whole


def test_other_weights_under_a_norm_are_put_back_without_it() -> None:
    weights, folding = convolution()
    other = {**weights, "conv.weight": drawn(4, 3, 3, 3)}
    constants = {"w": folding.weight(other).astype(np.float32), "b": folding.bias(other).astype(np.float32)}
    held = held_weights(weights, (folding,), graph(**constants))
    assert held.other_weights == (folding,)
    found = list(replacements(weights, held))
    assert {each.layers for each in found} == {("conv",)}
    # Its kernels are square, so more than one order of the axes fits: a run tells which is right.
    changed = [folding.weight({**weights, **each.weights}) for each in found]
    assert any(np.allclose(each, folding.weight(other), rtol=1e-5) for each in changed)


def test_another_epsilon_is_no_other_weight() -> None:
    weights, folding = convolution()
    wrong = Folding("conv", "norm", 0.3)
    constants = {"w": wrong.weight(weights).astype(np.float32), "b": wrong.bias(weights).astype(np.float32)}
    assert list(replacements(weights, held_weights(weights, (folding,), graph(**constants)))) == []


def test_other_statistics_are_the_norms() -> None:
    weights, folding = convolution()
    other = {**weights, "norm.running_var": weights["norm.running_var"] * np.array([0.5, 2, 1, 3], np.float32)}
    constants = {"w": folding.weight(other).astype(np.float32), "b": folding.bias(other).astype(np.float32)}
    found = next(replacements(weights, held_weights(weights, (folding,), graph(**constants))))
    assert found.layers == ("norm",)


def test_layers_that_changed_places_are_put_back() -> None:
    weights = {"a.weight": drawn(4, 4), "b.weight": drawn(4, 4), "c.weight": drawn(2, 4)}
    held = held_weights(weights, (), graph(x=weights["b.weight"], y=weights["a.weight"], z=weights["c.weight"]))
    found = exchanged(weights, held)
    assert found is not None
    assert found.layers == ("a", "b")
    np.testing.assert_array_equal(found.weights["a.weight"], weights["b.weight"])


def test_gates_in_another_order_are_found() -> None:
    weights = {"r.weight_ih_l0": drawn(12, 5), "r.weight_hh_l0": drawn(12, 3)}
    other = weights["r.weight_hh_l0"] + 0.1 * drawn(12, 3)
    parts = np.split(other, 4)
    constant = np.concatenate([parts[each] for each in (0, 1, 3, 2)])
    held = held_weights(weights, (), graph(ih=weights["r.weight_ih_l0"], hh=constant))
    found = next(replacements(weights, held))
    np.testing.assert_array_equal(found.weights["r.weight_hh_l0"], other)


def test_layouts_are_those_of_the_shape() -> None:
    array = drawn(2, 3, 4)
    [only] = layouts(array, (4, 2, 3))
    np.testing.assert_array_equal(only, array.transpose(2, 0, 1))
    assert layouts(array, (4, 6)) == []
    assert len(layouts(drawn(3, 3), (3, 3))) == 2


def test_factors_of_channels_are_told_from_other_values() -> None:
    array = drawn(3, 4)
    factors = np.array([2.0, -1.0, 0.5])
    found = scales_of(array * factors[:, None], array, 0)
    assert found is not None
    np.testing.assert_allclose(found, factors, rtol=1e-6)
    assert scales_of(drawn(3, 4), array, 0) is None

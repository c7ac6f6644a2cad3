"""Layers that draw numbers: the distribution, the shape, and one seed for one draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.engine.neural_network.networks import LayerSpec, network, run

SHAPE = (60, 70)
KINDS: dict[str, tuple[dict[str, float], float, float]] = {
    "Normal": ({"mean": 1.0, "stdDev": 2.0}, 1.0, 2.0),
    "Uniform": ({"minVal": -1.0, "maxVal": 3.0}, 1.0, 4 / 12**0.5),
    "Bernoulli": ({"prob": 0.25}, 0.25, 0.1875**0.5),
}


def drawn(kind: str, form: str, params: dict[str, Any], seed: int) -> np.ndarray:
    params = {**params, "seed": seed, **({"outputShape": list(SHAPE)} if form == "Static" else {})}
    given = {
        "Static": np.zeros(1, np.float32),
        "Like": np.zeros(SHAPE, np.float32),
        "Dynamic": np.asarray(SHAPE, np.float32),
    }[form]
    layer = LayerSpec(f"random{kind}{form}", params, () if form == "Static" else ("x",))
    y: np.ndarray = run(network([layer], {"x": np.shape(given)}), x=given)["y"]
    return y


@pytest.mark.parametrize("form", ["Static", "Like", "Dynamic"])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_drawn_from_a_distribution(kind: str, form: str) -> None:
    params, mean, deviation = KINDS[kind]
    first, again, other = (drawn(kind, form, params, seed) for seed in (3, 3, 4))
    assert first.shape == SHAPE
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert abs(first.mean() - mean) < 0.15
    assert abs(first.std() - deviation) < 0.15


@pytest.mark.parametrize(
    ("params", "weights", "chance"),
    [
        ({"isLogits": True}, np.log([1.0, 3.0]), 0.75),
        ({"isLogits": False}, [1.0, 3.0], 0.75),
        ({"isLogits": False, "temperature": 0.5, "eps": 1e-10}, [1.0, 3.0], 0.9),
    ],
)
def test_classes_are_drawn_by_their_weights(params: dict[str, Any], weights: Any, chance: float) -> None:
    layer = LayerSpec("categoricalDistribution", {**params, "numSamples": 4000, "seed": 1})
    y = run(network([layer], {"x": (1, 2)}), x=np.asarray([weights], np.float32))["y"]
    assert y.shape == (1, 4000)
    assert abs(y.mean() - chance) < 0.03

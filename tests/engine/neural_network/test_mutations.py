"""Mutated `.mlmodel` files, each to a result or a typed error.

Usage: python -m tests.engine.neural_network.test_mutations [COUNT], 5,000 unless said otherwise, over all models.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engine.neural_network.networks import LayerSpec, network
from tests.engine.neural_network.test_control_flow import branch, copied, loop, of, plus, scaled
from tests.engine.runtime.mutations import environment

COUNT = 100
RANDOM = np.random.default_rng(2)


def weights(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape, np.float32)


def images() -> tuple[Any, dict[str, tuple[int, ...]]]:
    """Return a network of images with most of what older ones use."""
    kernel = {"outputChannels": 4, "kernelChannels": 3, "kernelSize": [3, 3], "weights": weights(4, 3, 3, 3)}
    layers = [
        LayerSpec("convolution", {**kernel, "valid": {}}, ("x",), ("a",)),
        LayerSpec(
            "batchnorm",
            {"channels": 4} | dict.fromkeys(("gamma", "beta", "mean", "variance"), weights(4) ** 2),
            ("a",),
            ("b",),
        ),
        LayerSpec("activation", {"leakyReLU": {"alpha": 0.1}}, ("b",), ("c",)),
        LayerSpec("pooling", {"type": 1, "kernelSize": [2, 2], "stride": [2, 2], "same": {}}, ("c",), ("d",)),
        LayerSpec("upsample", {"scalingFactor": [2, 2], "mode": 1}, ("d",), ("e",)),
        LayerSpec("crop", {"offset": [0, 0]}, ("e", "c"), ("f",)),
        LayerSpec("concat", {}, ("f", "c"), ("g",)),
        LayerSpec("reduce", {"mode": 1, "axis": 1}, ("g",), ("h",)),
        LayerSpec("innerProduct", {"inputChannels": 8, "outputChannels": 3, "weights": weights(3, 8)}, ("h",), ("i",)),
        LayerSpec("softmax", {}, ("i",), ("y",)),
    ]
    return network(layers, {"x": (3, 8, 8)}, rank5=True), {"x": (3, 8, 8)}


def shapes() -> tuple[Any, dict[str, tuple[int, ...]]]:
    """Return a network that computes shapes and fills, gathers and sorts."""
    layers = [
        LayerSpec("getShape", {}, ("x",), ("s",)),
        LayerSpec("fillDynamic", {"value": 2.0}, ("s",), ("f",)),
        LayerSpec("addBroadcastable", {}, ("x", "f"), ("a",)),
        LayerSpec("rangeStatic", {"startValue": 0, "endValue": 3, "stepSizeValue": 1}, (), ("r",)),
        LayerSpec("gather", {"axis": 1}, ("a", "r"), ("g",)),
        LayerSpec("topK", {"axis": -1, "K": 2}, ("g",), ("t", "u")),
        LayerSpec("constantPad", {"padAmounts": [0, 0, 1, 0]}, ("t",), ("p",)),
        LayerSpec("tile", {"reps": [2, 1]}, ("p",), ("q",)),
        LayerSpec("reshapeStatic", {"targetShape": [3, -1]}, ("q",), ("z",)),
        LayerSpec("sliceStatic", {"beginIds": [0, 1], "endIds": [3, 4], "strides": [1, 1]}, ("z",), ("w",)),
        LayerSpec("fillLike", {"value": 3.0}, ("w",), ("n",)),
        LayerSpec("multiplyBroadcastable", {}, ("w", "n"), ("y",)),
    ]
    return network(layers, {"x": (2, 4)}, ("y",)), {"x": (2, 4)}


def flow() -> tuple[Any, dict[str, tuple[int, ...]]]:
    """Return a network with a loop and a branch."""
    condition = [LayerSpec("lessThan", {"alpha": 50.0}, ("m",), ("go",))]
    parts = [
        copied("x", "y"),
        LayerSpec("reduceMax", {"reduceAll": True}, ("y",), ("first",)),
        copied("first", "m"),
        loop(
            [
                scaled(2, "y", "t"),
                copied("t", "y"),
                LayerSpec("reduceMax", {"reduceAll": True}, ("y",), ("max",)),
                copied("max", "m"),
            ],
            condition=condition,
            count=9,
        ),
        LayerSpec("greaterThan", {"alpha": 10.0}, ("m",), ("p",)),
        branch([plus(1, "y", "v"), copied("v", "y")], None),
    ]
    return of(parts, {"x": (3,)}), {"x": (3,)}


def sequences() -> tuple[Any, dict[str, tuple[int, ...]]]:
    """Return a network with recurrent layers, and with random ones, of whose results only the shapes are used."""
    sizes = {"inputVectorSize": 2, "outputVectorSize": 3}
    recurrent = {"weightMatrix": weights(3, 2), "recursionMatrix": weights(3, 3), "activation": {"tanh": {}}}
    gates = {
        f"{gate}Gate{part}": weights(3, width)
        for gate in ("update", "reset", "output")
        for part, width in (("WeightMatrix", 3), ("RecursionMatrix", 3))
    }
    layers = [
        LayerSpec("simpleRecurrent", {**sizes, **recurrent, "sequenceOutput": True}, ("x",), ("a", "last")),
        LayerSpec(
            "gru",
            {**sizes, "inputVectorSize": 3, "activations": [{"sigmoid": {}}, {"tanh": {}}], **gates},
            ("a",),
            ("b",),
        ),
        LayerSpec("randomNormalLike", {"seed": 3, "stdDev": 1.0}, ("b",), ("n",)),
        LayerSpec("fillLike", {"value": 2.0}, ("n",), ("two",)),
        LayerSpec("multiply", {}, ("b", "two"), ("c",)),
        LayerSpec("getShape", {}, ("c",), ("s",)),
        LayerSpec("randomUniformDynamic", {"seed": 4, "maxVal": 1.0}, ("s",), ("u",)),
        LayerSpec("randomBernoulliStatic", {"seed": 5, "prob": 0.5, "outputShape": [1, 1, 3, 1, 1]}, (), ("v",)),
        LayerSpec("addBroadcastable", {}, ("u", "v"), ("w",)),
        LayerSpec("fillLike", {"value": 1.0}, ("w",), ("one",)),
        LayerSpec("permute", {"axis": [0, 1, 2, 3]}, ("c",), ("d",)),
        LayerSpec("addBroadcastable", {}, ("d", "one"), ("y",)),
    ]
    return network(layers, {"x": (2,)}, rank5=True), {"x": (4, 1, 2)}


MODELS: Sequence[Callable[[], tuple[Any, dict[str, tuple[int, ...]]]]] = (images, shapes, flow, sequences)


def run(make: Callable[[], tuple[Any, dict[str, tuple[int, ...]]]], folder: Path, count: int) -> tuple[int, int]:
    """Return how many mutations of a model ran, and how many were refused.

    Raises:
        RuntimeError: one ended otherwise; the text says which and where.
    """
    model, inputs = make()
    path, features = folder / "model.mlmodel", folder / "features.npz"
    path.write_bytes(model.SerializeToString(deterministic=True))
    np.savez(features, **{name: weights(*shape) for name, shape in inputs.items()})  # type: ignore[arg-type]
    (folder / "mutated").mkdir()
    worker = Path(__file__).with_name("mutation_worker.py")
    command = [sys.executable, str(worker), str(path), str(folder / "mutated"), str(count), str(features)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-3000:] or f"the worker ended with {done.returncode}")
    ran, refused = map(int, done.stdout.split())
    return ran, refused


@pytest.mark.parametrize("make", MODELS)
def test_mutated_networks_end_in_a_result_or_a_typed_error(make: Any, tmp_path: Path) -> None:
    ran, refused = run(make, tmp_path, COUNT)
    assert ran > COUNT / 20
    assert refused > COUNT / 5


def main() -> None:
    """Print the counts for each model."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    for make in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            ran, refused = run(make, Path(folder), -(-count // len(MODELS)))
            sys.stdout.write(f"{make.__name__}: {ran} ran, {refused} refused with a typed error\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Packages that hold other weights than the source: of another training run, of one layer, of an older source."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.core.session import Sample
from tests.faults import networks as nets
from tests.faults.artifacts import edited as edited_onnx
from tests.faults.artifacts import elsewhere, other_initializer
from tests.faults.fault import COREAI, LITERT, ONNX, Fault, fault, normal, uniform
from tests.faults.makers import FP16, changed

WEIGHTS, CONVERTER = "weights", "converter"


class Embedded(nn.Module):
    """A table of words, a norm, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.norm, self.head = nn.Embedding(20, 8), nn.LayerNorm(8), nn.Linear(8, 3)
        nn.init.uniform_(self.norm.weight, 0.5, 1.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.words(x)).mean(1))


class Deeper(nn.Module):
    """What the source was once: without the last of its activations, and with a weight that has moved since."""

    def __init__(self, other: nets.Perceptron) -> None:
        super().__init__()
        self.layers = other.layers
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


class Scaled(nn.Module):
    """A factor that is a parameter, between two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(3, 6, 3), nn.Conv1d(6, 4, 3)
        self.gain = nn.Parameter(torch.rand(6, 1) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.gain * torch.relu(self.first(x))).mean(-1)


def all_anew(module: Any) -> None:
    """Draw every weight again, as another training run has others."""
    generator = torch.Generator().manual_seed(7)
    for each in module.parameters():
        each.data = each.data + 0.3 * torch.randn(each.shape, generator=generator)


def anew(*paths: str, size: float = 0.3) -> Callable[[Any], None]:
    def change(module: Any) -> None:
        generator = torch.Generator().manual_seed(7)
        for path in paths:
            found = module.get_parameter(path)
            found.data = found.data + size * torch.randn(found.shape, generator=generator)

    return change


def exchanged(first: str, second: str) -> Callable[[Any], None]:
    def change(module: Any) -> None:
        one, other = module.get_submodule(first), module.get_submodule(second)
        held = copy.deepcopy(one.state_dict())
        one.load_state_dict(other.state_dict())
        other.load_state_dict(held)

    return change


def a_step_back(module: Any) -> None:
    """Move every weight a little, as one epoch of training does."""
    generator = torch.Generator().manual_seed(3)
    for each in module.parameters():
        each.data = each.data * (1 + 0.02 * torch.randn(each.shape, generator=generator))


def other_statistics(module: Any) -> None:
    norm = nets.layer(module, "block.1")
    norm.running_mean = norm.running_mean + torch.linspace(-0.4, 0.4, 8)
    norm.running_var = norm.running_var * torch.linspace(0.6, 1.5, 8)


def words() -> list[Sample]:
    return [{"x": np.random.default_rng(0).integers(0, 20, (2, 5)).astype(np.int32)}]


images = lambda: uniform(1, 3, 12, 12)  # noqa: E731
rows = lambda: normal(2, 8)  # noqa: E731
perceptron = nets.seeded(lambda: nets.Perceptron(8, 16, 16, 4))


def shuffled(array: np.ndarray) -> np.ndarray:
    return (array + np.random.default_rng(1).standard_normal(array.shape) * 0.2).astype(array.dtype)


WEIGHTS_OF_OTHERS: tuple[Fault, ...] = (
    fault(
        "all_weights_of_another_run",
        perceptron,
        rows,
        changed(all_anew),
        WEIGHTS,
        words=("layers.0", "layers.2"),
        cure="weights",
    ),
    fault(
        "weights_of_the_last_layer",
        perceptron,
        rows,
        changed(anew("layers.2.weight", "layers.2.bias")),
        WEIGHTS,
        words=("layers.2",),
        cure="weights",
    ),
    fault(
        "weights_of_a_folded_convolution",
        nets.seeded(nets.Convolutions),
        images,
        changed(anew("block.0.weight")),
        WEIGHTS,
        words=("block.0",),
        cure="weights",
    ),
    fault(
        "statistics_of_a_norm",
        nets.seeded(nets.Convolutions),
        images,
        changed(other_statistics),
        WEIGHTS,
        words=("block.1",),
        cure="weights",
    ),
    fault(
        "one_epoch_before",
        nets.seeded(nets.Convolutions),
        images,
        changed(a_step_back),
        WEIGHTS,
        words=("stem.0", "head"),
        cure="weights",
    ),
    fault(
        "one_epoch_before_in_fp16",
        nets.seeded(nets.Convolutions),
        images,
        changed(a_step_back, FP16),
        WEIGHTS,
        words=("down",),
        cure="weights",
    ),
    fault(
        "table_of_words",
        nets.seeded(Embedded),
        words,
        changed(anew("words.weight")),
        WEIGHTS,
        words=("words",),
        cure="weights",
    ),
    fault(
        "gain_of_a_layer_norm",
        nets.seeded(Embedded),
        words,
        changed(anew("norm.weight")),
        WEIGHTS,
        words=("norm",),
        cure="weights",
    ),
    fault(
        "layers_exchanged",
        nets.seeded(lambda: nets.Perceptron(8, 8, 8, 4)),
        rows,
        changed(exchanged("layers.0", "layers.1")),
        WEIGHTS,
        CONVERTER,
        words=("layers.0", "layers.1"),
        cure="weights",
    ),
    fault(
        "weights_of_an_lstm",
        nets.seeded(nets.Recurrent),
        lambda: normal(2, 5, 8),
        changed(anew("lstm.weight_hh_l0")),
        WEIGHTS,
        words=("lstm",),
        cure="weights",
    ),
    fault(
        "weights_of_attention",
        nets.seeded(nets.Attention),
        lambda: normal(1, 6, 8),
        changed(anew("qkv.1.weight")),
        WEIGHTS,
        words=("qkv.1",),
        cure="weights",
    ),
    fault(
        "a_bias_alone",
        nets.seeded(nets.Sequence),
        lambda: normal(1, 4, 12),
        changed(anew("head.bias")),
        WEIGHTS,
        words=("head",),
        cure="weights",
    ),
    fault(
        "a_gain_between_convolutions",
        nets.seeded(Scaled),
        lambda: normal(1, 3, 12),
        changed(anew("gain")),
        WEIGHTS,
        words=("gain",),
        cure="weights",
    ),
    fault(
        "weights_in_litert",
        nets.seeded(nets.Convolutions),
        images,
        elsewhere(anew("down.weight")),
        WEIGHTS,
        suffix=LITERT,
        words=("down",),
        cure="weights",
    ),
    fault(
        "all_weights_in_litert",
        perceptron,
        rows,
        elsewhere(all_anew),
        WEIGHTS,
        suffix=LITERT,
        words=("layers.0", "layers.1"),
        cure="weights",
    ),
    fault(
        "weights_in_onnx",
        perceptron,
        rows,
        edited_onnx(other_initializer("layers.1.weight", shuffled)),
        WEIGHTS,
        suffix=ONNX,
        words=("layers.1",),
        cure="weights",
    ),
    fault(
        "a_step_back_in_onnx",
        nets.seeded(nets.Sequence),
        lambda: normal(1, 4, 12),
        elsewhere(a_step_back),
        WEIGHTS,
        suffix=ONNX,
        words=("second",),
        cure="weights",
    ),
    fault(
        "weights_in_core_ai",
        perceptron,
        rows,
        elsewhere(anew("layers.0.weight")),
        WEIGHTS,
        suffix=COREAI,
        words=("layers.0",),
        cure="weights",
    ),
    fault(
        "an_older_source",
        perceptron,
        rows,
        changed(lambda m: Deeper(m).eval()),
        CONVERTER,
        ops=("relu", "gelu"),
        cure="weights",
    ),
)

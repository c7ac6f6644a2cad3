"""Faults around the network: its inputs, its outputs, its mode, its randomness; fp16 rounding; and healthy models."""

from __future__ import annotations

import numpy as np
import torch
from coremltools.converters.mil import Builder as mb
from torch import Tensor, nn

from mlparity.record.causes import CauseKind
from tests.faults import networks as nets
from tests.faults.fault import Fault, fault, normal, uniform
from tests.faults.makers import FP16, FP32, changed, plain, program, reinput, reoutput

PREPROCESSING, TRAINING, RANDOM = CauseKind.PREPROCESSING, CauseKind.TRAINING_MODE, CauseKind.NONDETERMINISM
PRECISION, NONE = CauseKind.PRECISION, CauseKind.NONE

MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def per_channel(numbers: Tensor) -> Tensor:
    return numbers.reshape(1, 3, 1, 1)


def images():
    return uniform(1, 3, 12, 12)


def normalised():
    return [
        {"x": ((each["x"] - MEAN.reshape(1, 3, 1, 1).numpy()) / STD.reshape(1, 3, 1, 1).numpy())} for each in images()
    ]


def in_training(module: nn.Module) -> None:
    module.train()


class Dropping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.norm = nn.Linear(8, 16), nn.BatchNorm1d(16)
        self.drop, self.head = nn.Dropout(0.3), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.drop(torch.relu(self.norm(self.body(x)))))


def with_noise(module: nn.Module, x: object) -> object:
    linear = nets.layer(module, "after.0")
    y = mb.linear(x=x, weight=linear.weight.detach().numpy(), bias=linear.bias.detach().numpy())
    return mb.add(x=y, y=mb.random_normal(shape=np.array([2, 4], np.int32), mean=0.0, stddev=0.01))


network = nets.seeded(nets.Convolutions)


class Turned(nn.Module):
    """Pairs of numbers turned by angles of places from 3000 on; fp16 has only every second place there."""

    places: Tensor
    speeds: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.Linear(8, 8), nn.Linear(8, 4)
        self.register_buffer("places", torch.arange(3000.0, 3016.0).unsqueeze(1))
        self.register_buffer("speeds", 10000 ** (-torch.arange(4) / 4.0))

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.before(x).chunk(2, -1)
        angles = (self.places + 0 * x[0, 0, 0]) * self.speeds
        cos, sin = angles.cos(), angles.sin()
        return self.after(torch.cat([first * cos - second * sin, first * sin + second * cos], -1))


PREPROCESSED: tuple[Fault, ...] = (
    fault("bgr", network, images, reinput(lambda x: x.flip(1)), PREPROCESSING),
    fault("bgr_in_fp16", network, images, reinput(lambda x: x.flip(1), FP16), PREPROCESSING),
    fault("divided_by_255_twice", network, images, reinput(lambda x: x / 255), PREPROCESSING),
    fault(
        "not_divided_by_255",
        network,
        lambda: uniform(1, 3, 12, 12, high=255),
        changed(lambda m: nets.Call(nn.Identity(), lambda x: x * 255, m).eval()),
        PREPROCESSING,
    ),
    fault(
        "mean_and_std_twice",
        network,
        normalised,
        reinput(lambda x: (x - per_channel(MEAN)) / per_channel(STD)),
        PREPROCESSING,
    ),
    fault("mean_without_std", network, images, reinput(lambda x: x - per_channel(MEAN)), PREPROCESSING),
    fault("brightened", network, images, reinput(lambda x: x * 0.9 + 0.05), PREPROCESSING),
    fault("mirrored", network, images, reinput(lambda x: x.flip(3)), PREPROCESSING),
    fault(
        "one_scale_for_all_channels",
        network,
        normalised,
        reinput(lambda x: (x * per_channel(STD) + per_channel(MEAN) - per_channel(MEAN)) / 0.226),
        PREPROCESSING,
    ),
    fault(
        "zero_to_one_for_minus_one_to_one",
        network,
        lambda: uniform(1, 3, 12, 12, low=-1),
        reinput(lambda x: (x + 1) / 2),
        PREPROCESSING,
    ),
    fault(
        "bytes_of_nhwc", network, images, reinput(lambda x: x.permute(0, 2, 3, 1).reshape(1, 3, 12, 12)), PREPROCESSING
    ),
    fault("probabilities_for_logits", network, images, reoutput(lambda y: y.softmax(-1)), PREPROCESSING),
    fault("order_of_labels", network, images, reoutput(lambda y: y[:, [3, 0, 4, 1, 2]]), PREPROCESSING),
)

MODES: tuple[Fault, ...] = (
    fault("eval_forgotten", network, lambda: uniform(4, 3, 12, 12), changed(in_training), TRAINING),
    fault("eval_forgotten_with_dropout", nets.seeded(Dropping), lambda: normal(6, 8), changed(in_training), TRAINING),
    fault(
        "random_op", nets.seeded(lambda: nets.named(nn.Linear(8, 4))), lambda: normal(2, 8), program(with_noise), RANDOM
    ),
)


def cancelling(x: Tensor) -> Tensor:
    """A layer norm of values with a large common offset: the mean takes nearly all of the digits away."""
    y = x + 300.0
    centred = y - y.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def unstable_variance(x: Tensor) -> Tensor:
    return x / ((x.square().mean(-1, keepdim=True) - x.mean(-1, keepdim=True).square()).abs() + 1e-3).sqrt()


def far_angle(x: Tensor) -> Tensor:
    return torch.sin(x * 200.0)


ROUNDED: tuple[Fault, ...] = (
    fault("convolutions_in_fp16", network, images, plain(FP16), PRECISION),
    fault(
        "cancellation_in_a_layer_norm",
        nets.bare(cancelling),
        lambda: normal(2, 8),
        plain(FP16),
        PRECISION,
        ops=("add",),
    ),
    fault(
        "variance_by_two_means",
        nets.bare(unstable_variance),
        lambda: normal(2, 8, shift=20),
        plain(FP16),
        PRECISION,
        ops=("square", "mean", "mul", "pow", "sub"),
    ),
    fault("sine_of_a_large_angle", nets.bare(far_angle), lambda: normal(2, 8), plain(FP16), PRECISION, ops=("mul",)),
    fault(
        "epsilon_that_fp16_lacks",
        nets.bare(lambda x: 1e-4 * x * torch.rsqrt((1e-4 * x).square().mean(-1, keepdim=True) + 1e-12)),
        lambda: normal(2, 8),
        plain(FP16),
        PRECISION,
        ops=("rsqrt", "add", "mul", "mean", "square"),
    ),
    fault(
        "places_that_fp16_lacks",
        nets.seeded(Turned),
        lambda: normal(1, 16, 8),
        plain(FP16),
        PRECISION,
        ops=("mul", "cos", "sin", "cat"),
    ),
    fault(
        "threshold_on_a_rounded_value",
        nets.bare(lambda x: torch.floor(x * 1000.0) - 1000.0 * torch.floor(x)),
        lambda: normal(2, 8, scale=3),
        plain(FP16),
        PRECISION,
        ops=("mul", "floor", "cast"),
    ),
)

HEALTHY: tuple[Fault, ...] = (
    fault("healthy_convolutions", network, images, plain(), NONE),
    fault(
        "healthy_perceptron", nets.seeded(lambda: nets.Perceptron(8, 32, 32, 4)), lambda: normal(2, 8), plain(), NONE
    ),
    fault("healthy_attention", nets.seeded(nets.Attention), lambda: normal(1, 6, 8), plain(), NONE),
    fault("healthy_lstm", nets.seeded(nets.Recurrent), lambda: normal(2, 5, 8), plain(), NONE),
    fault("healthy_sequence", nets.seeded(nets.Sequence), lambda: normal(1, 4, 12), plain(), NONE),
    fault("healthy_exported", network, images, plain(export=True), NONE),
    fault(
        "healthy_classifier",
        nets.seeded(lambda: nets.named(nn.Linear(8, 6), nn.Softmax(-1))),
        lambda: normal(3, 8),
        plain(),
        NONE,
    ),
    fault(
        "healthy_with_large_values",
        nets.seeded(lambda: nets.Perceptron(8, 16, 4, activation=nn.ReLU)),
        lambda: normal(2, 8, scale=1e6),
        plain(FP32),
        NONE,
    ),
    fault("healthy_batch", network, lambda: uniform(4, 3, 12, 12), plain(), NONE),
    fault(
        "healthy_pooling",
        nets.seeded(
            lambda: nets.named(nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.ELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        ),
        images,
        plain(),
        NONE,
    ),
)
"""In fp32 nothing is to be found; in fp16 every model differs by rounding, and that is no invention."""

"""Faults of LiteRT, ONNX Runtime and Core AI: their converters' own, and edited programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.faults import networks as nets
from tests.faults.artifacts import edited, elsewhere, node, other_attribute
from tests.faults.converting import Heads, other_axis, other_epsilon, relu_for_silu
from tests.faults.fault import COREAI, LITERT, ONNX, Fault, fault, fixed, normal, uniform

OWN = ("converter", "runtime")
NONE = "none"


class Transposed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.ConvTranspose1d(4, 3, 16, stride=8, padding=4, output_padding=3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class TransposedBetween(nn.Module):
    """The same kind of layer in the middle of a network."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.up = nn.Conv1d(4, 6, 3), nn.ConvTranspose1d(6, 4, 8, stride=4, padding=2, output_padding=1)
        self.last = nn.Conv1d(4, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.up(torch.relu(self.first(x)))))


class Resized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(2, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = F.interpolate(self.conv(x), size=(7, 9), mode="nearest")
        return self.head((y * torch.linspace(0, 1, 9)).mean((2, 3)))


class Fraction(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.to(torch.int32)


class FractionBetween(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = 4 * self.first(x)
        return self.last(y - y.to(torch.int32))


def angles(x: Tensor) -> Tensor:
    return torch.atan2(x[:, :4] * 0, x[:, 4:])


class Activated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 4)
        self.function: Callable[[Tensor], Tensor] = F.leaky_relu

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.function(self.first(x)))


def with_function(function: Callable[[Tensor], Tensor]) -> Callable[[Any], None]:
    def change(module: Any) -> None:
        module.function = function

    return change


class Clamped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x).clamp(-0.5, 0.3).transpose(0, 1).softmax(0).transpose(0, 1))


class Pooled(nn.Module):
    def __init__(self, pads: bool = True) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)
        self.pads = pads

    def forward(self, x: Tensor) -> Tensor:
        y = F.avg_pool2d(self.conv(x), 3, 2, 1, count_include_pad=self.pads)
        return self.head(y.amax((2, 3)))


def without_pads(module: Any) -> None:
    module.pads = False


def added_for_subtracted(model: object) -> None:
    node(model, "Sub").op_type = "Add"  # type: ignore[arg-type]


class Centred(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return self.last(torch.tanh(y - y.mean(-1, keepdim=True)))


images = lambda: uniform(1, 3, 12, 12)  # noqa: E731
rows = lambda: normal(2, 8)  # noqa: E731

REAL: tuple[Fault, ...] = (
    fault(
        "litert_transposed_convolution",
        nets.seeded(Transposed),
        lambda: normal(1, 4, 10),
        elsewhere(),
        *OWN,
        suffix=LITERT,
        ops=("conv_transpose", "TRANSPOSE_CONV", "convolution", "CONV_2D"),
    ),
    fault(
        "litert_transposed_convolution_between",
        nets.seeded(TransposedBetween),
        lambda: normal(1, 4, 10),
        elsewhere(),
        *OWN,
        suffix=LITERT,
        ops=("up",),
    ),
    fault(
        "litert_nearest",
        nets.seeded(Resized),
        lambda: normal(1, 2, 5, 6),
        elsewhere(),
        *OWN,
        suffix=LITERT,
        ops=("upsample_nearest", "RESIZE_NEAREST_NEIGHBOR"),
    ),
    fault(
        "litert_angles",
        nets.seeded(lambda: nets.Call(nn.Identity(), angles, nn.Linear(4, 3))),
        lambda: fixed([[-1, 1, -2, 3, -1, 2, -3, -4]]),
        elsewhere(),
        *OWN,
        suffix=LITERT,
        ops=("atan2", "ATAN2"),
    ),
    fault(
        "core_ai_fraction",
        lambda: Fraction().eval(),
        lambda: normal(5, 5, scale=3),
        elsewhere(),
        *OWN,
        suffix=COREAI,
        ops=("sub", "cast", "_to_copy"),
    ),
    fault(
        "core_ai_mean_without_pads",
        nets.seeded(lambda: Pooled(pads=False)),
        images,
        elsewhere(),
        *OWN,
        suffix=COREAI,
        ops=("avg_pool",),
    ),
    fault(
        "core_ai_nearest",
        nets.seeded(Resized),
        lambda: normal(1, 2, 5, 6),
        elsewhere(),
        *OWN,
        suffix=COREAI,
        ops=("upsample_nearest", "resize"),
    ),
    fault(
        "core_ai_logit",
        nets.bare(lambda x: torch.logit(x.sigmoid(), 1e-3)),
        lambda: normal(2, 8, scale=6),
        elsewhere(),
        *OWN,
        suffix=COREAI,
        ops=("logit", "clamp", "log", "div"),
    ),
    fault(
        "onnx_divisor",
        nets.seeded(lambda: nets.named(nn.Conv2d(3, 2, 3), nn.AvgPool2d(2, divisor_override=3), nn.Flatten())),
        images,
        elsewhere(),
        *OWN,
        suffix=ONNX,
        ops=("avg_pool", "AveragePool"),
    ),
    fault(
        "onnx_angles",
        nets.seeded(lambda: nets.Call(nn.Identity(), angles, nn.Linear(4, 3))),
        lambda: fixed([[0, 0, 0, 0, -1, 2, -3, -4]]),
        elsewhere(),
        *OWN,
        suffix=ONNX,
        ops=("atan2", "Atan"),
    ),
    fault(
        "core_ai_fraction_between",
        nets.seeded(FractionBetween),
        lambda: normal(2, 6, scale=3),
        elsewhere(),
        *OWN,
        suffix=COREAI,
        ops=("sub", "cast", "_to_copy"),
    ),
)

PLANTED: tuple[Fault, ...] = (
    fault(
        "litert_other_activation",
        nets.seeded(nets.Convolutions),
        images,
        elsewhere(relu_for_silu),
        *OWN,
        suffix=LITERT,
        ops=("block.2", "silu", "LOGISTIC", "RELU"),
    ),
    fault(
        "litert_other_axis",
        nets.seeded(Heads),
        lambda: normal(1, 5, 8),
        elsewhere(other_axis),
        *OWN,
        suffix=LITERT,
        ops=("softmax", "SOFTMAX"),
    ),
    fault(
        "litert_other_epsilon",
        nets.seeded(nets.Attention),
        lambda: normal(1, 6, 8),
        elsewhere(other_epsilon("norms.1", 1e-1)),
        *OWN,
        suffix=LITERT,
        ops=("norms.1",),
    ),
    fault(
        "litert_without_pads",
        nets.seeded(Pooled),
        images,
        elsewhere(without_pads),
        *OWN,
        suffix=LITERT,
        ops=("avg_pool", "AVERAGE_POOL"),
    ),
    fault(
        "onnx_other_slope",
        nets.seeded(Activated),
        rows,
        edited(other_attribute("LeakyRelu", "alpha", 0.2)),
        *OWN,
        suffix=ONNX,
        ops=("leaky_relu", "LeakyRelu"),
    ),
    fault(
        "onnx_other_axis",
        nets.seeded(Heads),
        lambda: normal(1, 5, 8),
        edited(other_attribute("Softmax", "axis", 1)),
        *OWN,
        suffix=ONNX,
        ops=("softmax", "Softmax"),
    ),
    fault(
        "onnx_added_for_subtracted",
        nets.seeded(Centred),
        rows,
        edited(added_for_subtracted),
        *OWN,
        suffix=ONNX,
        ops=("sub", "Sub", "Add"),
    ),
    fault(
        "onnx_other_epsilon",
        nets.seeded(nets.Attention),
        lambda: normal(1, 6, 8),
        edited(other_attribute("LayerNormalization", "epsilon", 0.1, 1)),
        *OWN,
        suffix=ONNX,
        ops=("norms.1", "LayerNormalization"),
    ),
    fault(
        "onnx_other_activation",
        nets.seeded(Activated),
        rows,
        elsewhere(with_function(torch.tanh)),
        *OWN,
        suffix=ONNX,
        ops=("leaky_relu", "Tanh"),
    ),
    fault(
        "core_ai_other_activation",
        nets.seeded(Activated),
        rows,
        elsewhere(with_function(torch.sigmoid)),
        *OWN,
        suffix=COREAI,
        ops=("leaky_relu", "sigmoid"),
    ),
    fault(
        "core_ai_other_axis",
        nets.seeded(Heads),
        lambda: normal(1, 5, 8),
        elsewhere(other_axis),
        *OWN,
        suffix=COREAI,
        ops=("softmax",),
    ),
    fault(
        "litert_other_clamp",
        nets.seeded(Activated),
        rows,
        elsewhere(with_function(lambda x: x.clamp(-0.5, 0.3))),
        *OWN,
        suffix=LITERT,
        ops=("leaky_relu", "MINIMUM", "MAXIMUM", "RELU"),
    ),
)

HEALTHY: tuple[Fault, ...] = (
    fault("healthy_litert", nets.seeded(nets.Convolutions), images, elsewhere(), NONE, suffix=LITERT),
    fault("healthy_onnx", nets.seeded(nets.Attention), lambda: normal(1, 6, 8), elsewhere(), NONE, suffix=ONNX),
    fault("healthy_core_ai", nets.seeded(nets.Sequence), lambda: normal(1, 4, 12), elsewhere(), NONE, suffix=COREAI),
    fault("healthy_clamp_in_litert", nets.seeded(Clamped), rows, elsewhere(), NONE, suffix=LITERT),
)

"""Silent faults of coremltools 9.0, each seen here by converting without mlparity's corrections, and planted ones.

Source of the former: https://github.com/apple/coremltools/releases and its issues; each is confirmed by the corpus
itself, since the artifact is made by coremltools alone and compared with PyTorch.
"""

from __future__ import annotations

import numpy as np
import torch
from coremltools.converters.mil import Builder as mb
from torch import Tensor, nn
from torch.nn import functional as F

from mlparity.record.causes import CauseKind
from tests.faults import networks as nets
from tests.faults.fault import Fault, fault, fixed, normal, uniform
from tests.faults.makers import changed, palettised, plain, program, quantised

CONVERTER, COMPRESSION, WEIGHTS = CauseKind.CONVERTER, CauseKind.COMPRESSION, CauseKind.WEIGHTS


def angles(x: Tensor) -> Tensor:
    return torch.atan2(x[:, :4] * 0, x[:, 4:])


class Scale(nn.Module):
    """x * a + b for each channel: a pass makes it a batch norm with an epsilon."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.rand(1, 4, 1, 1) + 1), nn.Parameter(torch.randn(1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x.sigmoid() * self.a + self.b


class Norm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.head = nn.RMSNorm(8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(x))


def negative_branch_lost(module: nn.Module, x: object) -> object:
    """A PReLU for each channel written as a leaky ReLU with the first slope."""
    conv, prelu = nets.layer(module, "conv"), nets.layer(module, "prelu")
    y = mb.conv(x=x, weight=conv.weight.detach().numpy(), bias=conv.bias.detach().numpy(), pad_type="valid")
    y = mb.leaky_relu(x=y, alpha=np.float32(prelu.weight[0].item()), name="prelu_as_leaky_relu")
    return mb.reduce_mean(x=y, axes=[2, 3], keep_dims=False)


class Slopes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.prelu = nn.Conv2d(3, 6, 3), nn.PReLU(6)
        nn.init.uniform_(self.prelu.weight, -0.5, 0.9)

    def forward(self, x: Tensor) -> Tensor:
        return self.prelu(self.conv(x)).mean((2, 3))


class Heads(nn.Module):
    """Attention weights over the last axis."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))
        self.axis = -1

    def forward(self, x: Tensor) -> Tensor:
        scores = self.q(x) @ self.k(x).transpose(-1, -2)
        return scores.softmax(self.axis) @ self.v(x)


def other_axis(module: nn.Module) -> None:
    assert isinstance(module, Heads)
    module.axis = -2


def transposed_weight(path: str):
    def change(module: nn.Module) -> None:
        part = nets.layer(module, path)
        part.weight.data = part.weight.data.transpose(0, 1).contiguous()

    return change


def noisy_weight(path: str, size: float):
    def change(module: nn.Module) -> None:
        part = nets.layer(module, path)
        generator = torch.Generator().manual_seed(1)
        part.weight.data = part.weight.data + size * torch.randn(part.weight.shape, generator=generator)

    return change


def other_epsilon(path: str, value: float):
    def change(module: nn.Module) -> None:
        nets.layer(module, path).eps = value

    return change


def lost_bias(path: str):
    def change(module: nn.Module) -> None:
        nets.layer(module, path).bias.data.zero_()

    return change


def other_gates(module: nn.Module) -> None:
    """Exchange the input gate and the forget gate, whose order differs from framework to framework."""
    lstm = nets.layer(module, "lstm")
    for each in (lstm.weight_ih_l0, lstm.weight_hh_l0):
        first, second, *others = each.data.chunk(4)
        each.data = torch.cat([second, first, *others])


def tanh_gelu(module: nn.Module) -> None:
    module.activation = nn.GELU(approximate="tanh")


def relu_for_silu(module: nn.Module) -> None:
    nets.layer(module, "block")[2] = nn.ReLU()


def other_padding(module: nn.Module) -> None:
    first = nets.layer(module, "first")
    first.padding_mode = "replicate"
    first._reversed_padding_repeated_twice = [1, 1]


images = lambda: uniform(1, 3, 12, 12)  # noqa: E731
rows = lambda: normal(2, 8)  # noqa: E731

REAL: tuple[Fault, ...] = (
    fault(
        "reciprocal_epsilon",
        nets.bare(torch.reciprocal),
        lambda: uniform(2, 8, low=0.002, high=0.02),
        plain(),
        CONVERTER,
        ops=("inverse", "reciprocal"),
    ),
    fault(
        "atan2_on_the_negative_axis",
        nets.seeded(lambda: nets.Call(nn.Identity(), angles, nn.Linear(4, 3))),
        lambda: fixed([[0, 0, 0, 0, -1, 2, -3, -4]]),
        plain(),
        CONVERTER,
        ops=("atan2",),
    ),
    fault(
        "triu_of_infinities",
        lambda: nets.Call(nn.Identity(), lambda x: torch.triu(x * float("-inf"), 1), nn.Identity()).eval(),
        lambda: uniform(4, 4, low=1, high=2),
        plain(),
        CONVERTER,
        ops=("triu", "band_part", "mul"),
    ),
    fault(
        "rms_norm", nets.seeded(Norm), lambda: normal(2, 8, scale=0.02), plain(), CONVERTER, ops=("rms_norm", "norm")
    ),
    fault(
        "softplus_beta",
        nets.call(lambda x: F.softplus(x, beta=2.0, threshold=3)),
        lambda: normal(2, 8, scale=3),
        plain(),
        CONVERTER,
        ops=("softplus",),
    ),
    fault(
        "rsqrt_epsilon",
        nets.bare(lambda x: torch.rsqrt(x)),
        lambda: uniform(2, 8, low=1e-13, high=1e-12),
        plain(),
        CONVERTER,
        ops=("rsqrt",),
    ),
    fault(
        "antialias_forgotten",
        nets.seeded(
            lambda: nets.Call(
                nn.Conv2d(3, 2, 3),
                lambda x: F.interpolate(x, size=(3, 3), mode="bilinear", antialias=True),
                nn.Flatten(),
            )
        ),
        images,
        plain(),
        CONVERTER,
        ops=("resize", "upsample"),
    ),
    fault(
        "scale_and_shift_as_a_norm",
        nets.seeded(Scale),
        lambda: normal(1, 4, 3, 3),
        plain(),
        CONVERTER,
        ops=("batch_norm", "add", "mul"),
    ),
    fault(
        "log_softmax_far_below",
        nets.bare(lambda x: x.log_softmax(-1)),
        lambda: normal(2, 8, scale=200),
        plain(),
        CONVERTER,
        ops=("log", "log_softmax"),
    ),
    fault(
        "gelu_tanh_exported",
        nets.call(lambda x: F.gelu(x, approximate="tanh")),
        rows,
        plain(export=True),
        CONVERTER,
        ops=("gelu",),
    ),
    fault(
        "log_of_zero",
        nets.Call(nn.Identity(), lambda x: torch.log(x.clamp(min=0)), nn.Identity()).eval,
        lambda: fixed([[0, 1, 2, 0]]),
        plain(),
        CONVERTER,
        ops=("log",),
    ),
)

LATER: tuple[Fault, ...] = (
    # Source: https://github.com/apple/coremltools/issues/2836 (a pass takes a floor division by 1 for nothing).
    fault("remainder_by_one", nets.bare(lambda x: x % 1), rows, plain(), CONVERTER, ops=("remainder",)),
    # Source: https://github.com/apple/coremltools/pull/2771.
    fault(
        "tril_of_infinities",
        lambda: nets.Call(nn.Identity(), lambda x: torch.tril(x * float("-inf"), -1), nn.Identity()).eval(),
        lambda: uniform(4, 4, low=1, high=2),
        plain(),
        CONVERTER,
        ops=("tril", "band_part", "mul"),
    ),
    # The following were found here, by converting each op of PyTorch's alone.
    fault(
        "correction_of_two",
        nets.bare(lambda x: x / torch.var(x, -1, correction=2, keepdim=True)),
        rows,
        plain(),
        CONVERTER,
        ops=("var", "mul", "reduce_mean"),
    ),
    fault(
        "deviation_of_all",
        nets.bare(lambda x: x / torch.std(x)),
        rows,
        plain(),
        CONVERTER,
        ops=("std", "sqrt", "reduce_mean"),
    ),
    fault(
        "infinite_constant",
        lambda: nets.Call(nn.Identity(), lambda x: torch.nan_to_num(x * float("inf"), 1, 2, -2), nn.Identity()).eval(),
        lambda: fixed([[0, 1, -1, 2]]),
        plain(),
        CONVERTER,
        ops=("mul", "nan_to_num"),
    ),
    fault(
        "cosine_of_small_vectors",
        lambda: nets.Call(nn.Identity(), lambda x: F.cosine_similarity(x[:1], x[1:]), nn.Identity()).eval(),
        lambda: normal(2, 8, scale=1e-5),
        plain(),
        CONVERTER,
        ops=("cosine", "norm", "mul", "div", "clamp", "maximum", "reduce", "rsqrt", "sqrt"),
    ),
)


def more_gain(norm: nn.LayerNorm) -> None:
    norm.weight.data.mul_(1.05)


def rolled(layer: nn.Linear) -> None:
    layer.weight.data.copy_(layer.weight.data.roll(1, 0))


def doubled_queries(attention: nn.MultiheadAttention) -> None:
    attention.in_proj_weight.data[: attention.embed_dim].mul_(2.0)


def sequences():
    return normal(1, 6, 8, count=2)


PLANTED: tuple[Fault, ...] = (
    fault(
        "wrong_weights",
        nets.seeded(nets.Convolutions),
        images,
        changed(noisy_weight("down", 0.1)),
        CONVERTER,
        WEIGHTS,
        ops=("down",),
    ),
    fault(
        "slightly_wrong_weights",
        nets.seeded(lambda: nets.Perceptron(8, 16, 16, 4)),
        rows,
        changed(noisy_weight("layers.1", 1e-3)),
        CONVERTER,
        WEIGHTS,
        ops=("layers.1",),
    ),
    fault(
        "transposed_weights",
        nets.seeded(lambda: nets.Perceptron(8, 16, 16, 4)),
        rows,
        changed(transposed_weight("layers.1")),
        CONVERTER,
        WEIGHTS,
        ops=("layers.1",),
    ),
    fault(
        "lost_bias",
        nets.seeded(nets.Convolutions),
        images,
        changed(lost_bias("down")),
        CONVERTER,
        WEIGHTS,
        ops=("down",),
    ),
    fault(
        "swapped_axis", nets.seeded(Heads), lambda: normal(1, 5, 8), changed(other_axis), CONVERTER, ops=("softmax",)
    ),
    fault(
        "gates_of_an_lstm",
        nets.seeded(nets.Recurrent),
        lambda: normal(2, 5, 8),
        changed(other_gates),
        CONVERTER,
        WEIGHTS,
        ops=("lstm",),
    ),
    fault(
        "prelu_with_one_slope", nets.seeded(Slopes), images, program(negative_branch_lost), CONVERTER, ops=("prelu",)
    ),
    fault(
        "other_epsilon",
        nets.seeded(nets.Convolutions),
        images,
        changed(other_epsilon("block.1", 1e-2)),
        CONVERTER,
        ops=("block.1",),
    ),
    fault(
        "other_epsilon_of_a_layer_norm",
        nets.seeded(nets.Attention),
        lambda: normal(1, 6, 8),
        changed(other_epsilon("norms.1", 1e-1)),
        CONVERTER,
        ops=("norms.1",),
    ),
    fault(
        "another_gelu",
        nets.seeded(lambda: nets.Perceptron(8, 16, 4)),
        rows,
        changed(tanh_gelu),
        CONVERTER,
        ops=("gelu",),
    ),
    fault(
        "another_activation",
        nets.seeded(nets.Convolutions),
        images,
        changed(relu_for_silu),
        CONVERTER,
        ops=("block.2", "relu", "silu"),
    ),
    fault(
        "another_padding",
        nets.seeded(nets.Sequence),
        lambda: normal(1, 4, 12),
        changed(other_padding),
        CONVERTER,
        ops=("first",),
    ),
    fault(
        "gain_in_an_encoder_layer",
        nets.seeded(nets.Encoder),
        sequences,
        changed(lambda m: more_gain(nets.layer(m, "layers.1.norm2")), export=True),
        CONVERTER,
        WEIGHTS,
        ops=("layers.1.norm2",),
    ),
    fault(
        "units_rolled_in_an_encoder_layer",
        nets.seeded(nets.Encoder),
        sequences,
        changed(lambda m: rolled(nets.layer(m, "layers.2.linear1")), export=True),
        CONVERTER,
        WEIGHTS,
        ops=("layers.2.linear1",),
    ),
    fault(
        "queries_doubled_in_an_encoder_layer",
        nets.seeded(nets.Encoder),
        sequences,
        changed(lambda m: doubled_queries(nets.layer(m, "layers.0.self_attn")), export=True),
        CONVERTER,
        WEIGHTS,
        ops=("layers.0.self_attn",),
    ),
)

COMPRESSED: tuple[Fault, ...] = (
    fault(
        "palettised_with_two_bits",
        nets.seeded(nets.Convolutions),
        images,
        palettised(2),
        COMPRESSION,
        ops=("down", "stem", "block", "head"),
    ),
    fault(
        "palettised_with_one_bit",
        nets.seeded(lambda: nets.Perceptron(8, 32, 32, 4)),
        rows,
        palettised(1),
        COMPRESSION,
        ops=("layers",),
    ),
    fault(
        "int8_with_one_scale",
        nets.seeded(lambda: nets.Perceptron(8, 32, 32, 4)),
        rows,
        quantised(),
        COMPRESSION,
        ops=("layers",),
    ),
)

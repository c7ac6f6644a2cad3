"""Values that fp16 cannot hold: in the middle of a network, in a constant, in a variance."""

from __future__ import annotations

import numpy as np
import torch
from coremltools.converters.mil import Builder as mb
from torch import Tensor, nn

from mlparity.record.causes import CauseKind
from tests.faults import networks as nets
from tests.faults.fault import Fault, fault, fixed, normal, uniform
from tests.faults.makers import FP16, plain, program

OVERFLOW, PRECISION = CauseKind.OVERFLOW, CauseKind.PRECISION


def two_scales(x: Tensor) -> Tensor:
    return (x * 900.0) * 900.0 / 810000.0


class HandNorm(nn.Module):
    """A layer norm written out; the squares of large rows pass 65504."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 8), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        centred = y - y.mean(-1, keepdim=True)
        return self.last(centred * torch.rsqrt((centred * centred).mean(-1, keepdim=True) + 1e-5))


def rms(x: Tensor) -> Tensor:
    return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


def statistics(x: Tensor) -> Tensor:
    """A batch norm that uses its own batch's variance."""
    mean = x.mean((0, 2, 3), keepdim=True)
    variance = (x - mean).square().mean((0, 2, 3), keepdim=True)
    return ((x - mean) / (variance + 1e-5).sqrt()).mean((2, 3))


class GreatNorm(nn.Module):
    """A batch norm after an activation, so that it stays an op; one channel's variance is 9e4."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.head = nn.BatchNorm2d(4), nn.Linear(4, 3)
        assert self.norm.running_var is not None
        self.norm.running_var.copy_(torch.tensor([9e4, 8e4, 7e4, 6.9e4]))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(torch.relu(x)).mean((2, 3)))


def great_norm(module: nn.Module, x: object) -> object:
    """The same in fp16, its variance cast as somebody's own exporter would."""
    norm, head = (nets.layer(module, each) for each in ("norm", "head"))
    half = mb.cast(x=mb.relu(x=x), dtype="fp16")
    with np.errstate(over="ignore"):
        parts = {key: getattr(norm, name).detach().numpy().astype(np.float16) for key, name in _PARTS.items()}
    y = mb.batch_norm(x=half, **parts, epsilon=np.float16(1e-5), name="great_norm")
    y = mb.reduce_mean(x=mb.cast(x=y, dtype="fp32"), axes=[2, 3], keep_dims=False)
    return mb.linear(x=y, weight=head.weight.detach().numpy(), bias=head.bias.detach().numpy())


_PARTS = {"mean": "running_mean", "variance": "running_var", "gamma": "weight", "beta": "bias"}


def masked_scores(module: nn.Module, x: object) -> object:
    """An additive mask whose constant became infinite: 0 times it is NaN."""
    del module
    half = mb.cast(x=x, dtype="fp16")
    drop = mb.cast(x=mb.less(x=half, y=np.float16(-1e3)), dtype="fp16")
    mask = mb.mul(x=drop, y=np.float16(-np.inf), name="mask_times_min")
    return mb.cast(x=mb.softmax(x=mb.add(x=half, y=mask), axis=-1), dtype="fp32")


class MaskedScores(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        mask = (x < -1e3).float() * torch.finfo(torch.float32).min
        return (x + mask).softmax(-1)


class Energy(nn.Module):
    """The sum of squares of a long signal, then its logarithm."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x.square().sum(-1) + 1.0)


FAULTS: tuple[Fault, ...] = (
    fault("product", nets.call(two_scales), lambda: normal(2, 8), plain(FP16), OVERFLOW, ops=("mul", "function")),
    fault(
        "softplus_written_out",
        nets.bare(lambda x: torch.log(1 + torch.exp(x))),
        lambda: uniform(2, 8, low=5, high=16),
        plain(FP16),
        OVERFLOW,
        ops=("exp",),
    ),
    fault(
        "log_sum_exp_written_out",
        nets.bare(lambda x: x - torch.log(torch.exp(x).sum(-1, keepdim=True))),
        lambda: uniform(2, 8, low=9, high=10.8),
        plain(FP16),
        OVERFLOW,
        ops=("reduce_sum", "sum"),
    ),
    fault(
        "softmax_without_shift",
        nets.bare(lambda x: torch.exp(x) / torch.exp(x).sum(-1, keepdim=True)),
        lambda: uniform(2, 8, low=2, high=14),
        plain(FP16),
        OVERFLOW,
        ops=("exp",),
    ),
    fault(
        "layer_norm_written_out",
        nets.seeded(HandNorm),
        lambda: normal(2, 8, scale=3000),
        plain(FP16),
        OVERFLOW,
        ops=("mul", "square", "reduce_mean"),
    ),
    fault(
        "rms_norm_written_out",
        nets.bare(rms),
        lambda: normal(2, 8, scale=700),
        plain(FP16),
        OVERFLOW,
        ops=("pow", "square", "mul"),
    ),
    fault(
        "norm_of_the_batch",
        lambda: nets.Call(nn.Identity(), statistics, nn.Identity()).eval(),
        lambda: normal(2, 3, 6, 6, scale=600),
        plain(FP16),
        OVERFLOW,
        ops=("square", "mul", "mean"),
    ),
    fault(
        "variance_in_a_batch_norm",
        nets.seeded(GreatNorm),
        lambda: uniform(1, 4, 5, 5, high=900),
        program(great_norm),
        OVERFLOW,
        ops=("batch_norm",),
    ),
    fault(
        "mask_of_finfo_min",
        lambda: MaskedScores().eval(),
        lambda: normal(3, 8),
        program(masked_scores),
        OVERFLOW,
        ops=("mask_times_min", "mul"),
    ),
    fault(
        "energy",
        lambda: Energy().eval(),
        lambda: normal(2, 4000, scale=20),
        plain(FP16),
        OVERFLOW,
        ops=("square", "sum", "pow"),
    ),
    fault(
        "cube", nets.bare(lambda x: x.pow(3) / 1e4), lambda: normal(2, 8, scale=60), plain(FP16), OVERFLOW, ops=("pow",)
    ),
    fault(
        "attention_scores",
        nets.bare(lambda x: (x.unsqueeze(-1) @ x.unsqueeze(-2)).softmax(-1).mean(-2)),
        lambda: normal(2, 8, scale=400),
        plain(FP16),
        OVERFLOW,
        ops=("matmul",),
    ),
    fault(
        "clipped_afterwards",
        nets.bare(lambda x: torch.sigmoid((x * 300) * 300 / 9e4)),
        lambda: normal(2, 8),
        plain(FP16),
        OVERFLOW,
        ops=("mul",),
    ),
    fault(
        "cosh",
        nets.bare(lambda x: torch.log(torch.cosh(x))),
        lambda: fixed([[13, -13, 2, 1, 12.5, -3, 4, 5]]),
        plain(FP16),
        OVERFLOW,
        ops=("cosh",),
    ),
)

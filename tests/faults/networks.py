"""Small networks with seeded weights, in eval mode."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def seeded(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Return a factory whose module always has the same weights."""

    def factory() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return build().eval()

    return factory


class Call(nn.Module):
    """A network before, a function, a network after."""

    def __init__(self, before: nn.Module, function: Callable[[Tensor], Tensor], after: nn.Module) -> None:
        super().__init__()
        self.before, self.function, self.after = before, function, after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.function(self.before(x)))


def named(*parts: nn.Module) -> nn.Module:
    """Return layers in a row whose input is called x."""
    return Call(nn.Identity(), lambda x: x, nn.Sequential(*parts))


def call(function: Callable[[Tensor], Tensor], width: int = 8, out: int = 4) -> Callable[[], nn.Module]:
    """Return the factory of linear, function, linear."""
    return seeded(lambda: Call(nn.Linear(width, width), function, nn.Linear(width, out)))


def bare(function: Callable[[Tensor], Tensor]) -> Callable[[], nn.Module]:
    """Return the factory of a function, then a linear layer of width 8."""
    return seeded(lambda: Call(nn.Identity(), function, nn.Linear(8, 4)))


class Convolutions(nn.Module):
    """A classifier of small images: three convolutions with norms, a skip, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.SiLU())
        self.down = nn.Conv2d(8, 16, 3, stride=2)
        self.head = nn.Linear(16, 5)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                assert part.running_mean is not None
                assert part.running_var is not None
                nn.init.uniform_(part.running_mean, -0.3, 0.3)
                nn.init.uniform_(part.running_var, 0.3, 2.0)
                nn.init.uniform_(part.weight, 0.5, 1.5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        y = y + self.block(y)
        y = F.relu(self.down(y))
        return self.head(y.mean((2, 3)))


class Attention(nn.Module):
    """Two encoder layers written out, with an additive mask of the last places."""

    keep: Tensor

    def __init__(self, masked: float = -1e4, width: int = 16) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(2))
        self.mlp = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.head = nn.Linear(width, 4)
        self.masked = masked
        self.register_buffer("keep", torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0, 0.0]))

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x)
        mask = (1.0 - self.keep * (x[0, :, 0] > -100)) * self.masked
        for norm, qkv, mlp in zip(self.norms, self.qkv, self.mlp, strict=True):
            q, k, v = qkv(norm(h)).chunk(3, -1)
            scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + mask
            h = h + mlp(F.gelu(scores.softmax(-1) @ v))
        return self.head(h.mean(1))


class Encoder(nn.Module):
    """Three of PyTorch's own encoder layers, which it computes by one op each where it may."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.embed, self.head = nn.Linear(8, 16), nn.Linear(16, 5)
        self.layers = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False).layers

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(x)
        for layer in self.layers:
            y = layer(y)
        return self.head(y.mean(1))


class Perceptron(nn.Module):
    def __init__(self, *widths: int, activation: Callable[[], nn.Module] = nn.GELU) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = self.activation(layer(x))
        return self.layers[-1](x)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 12, batch_first=True)
        self.head = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class Sequence(nn.Module):
    """Convolutions along time with group and instance norms."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(4, 8, 3, padding=1), nn.Conv1d(8, 8, 3, padding=1)
        self.group, self.instance = nn.GroupNorm(2, 8), nn.InstanceNorm1d(8, affine=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu(self.group(self.first(x)))
        return self.head(torch.tanh(self.instance(self.second(y))).mean(-1))


def layer(module: nn.Module, path: str) -> Any:
    return module.get_submodule(path)

"""Further networks, and what is changed in them or left of them in a faulty artifact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlparity.core.session import Sample
from tests.faults import networks as nets
from tests.faults.artifacts import node
from tests.faults.checkpoints import anew
from tests.faults.pixels import Photographed, network


class Smoothed(nn.Module):
    """Dilated convolutions with group norms."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(4, 8, 3, padding=2, dilation=2)
        self.norm, self.last = nn.GroupNorm(4, 8), nn.Conv1d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.gelu(self.norm(self.first(x)))).amax(-1)


def other_groups(module: Any) -> None:
    module.norm.num_groups = 2


class Joined(nn.Module):
    """Two branches that are put side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = nn.Linear(8, 6), nn.Linear(8, 6), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat([self.left(x).tanh(), self.right(x).sigmoid()], -1))


def sides_exchanged(model: Any) -> None:
    found = node(model, "Concat")
    names = list(found.input)
    del found.input[:]
    found.input.extend(reversed(names))


class Enlarged(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(2, 3, 3), nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = F.interpolate(self.conv(x), scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.head((y * torch.linspace(-1, 1, y.shape[-1])).mean((2, 3)))


class Keyed(nn.Module):
    """Attention whose padded keys get no weight."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))
        self.masks = True

    def forward(self, x: Tensor, m: Tensor) -> Tensor:
        scores = self.q(x) @ self.k(x).transpose(-1, -2) * 8**-0.5
        if self.masks:
            scores = scores.masked_fill((m == 0)[:, None, :], -1e9)
        return scores.softmax(-1) @ self.v(x) + 0 * m.sum()


def unmasked(module: Any) -> None:
    module.masks = False


def padded() -> list[Sample]:
    random = np.random.default_rng(0)
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0]], np.int32)
    return [{"x": random.standard_normal((2, 5, 8)).astype(np.float32), "m": mask}]


class Exiting(nn.Module):
    """Layers until the values are calm enough."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(5, 5) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.relu(layer(x)) + 0.1
            if x.mean() < 0.6:
                break
        return x * 2


class Shared(nn.Module):
    """A mean over as many as are positive, whose number Python knows."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        count = int((x > 0).sum())
        return self.layer(x.relu() / max(count, 1))


class Summed(nn.Module):
    """Rows added to those of a table by their numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.writes = nn.Linear(6, 4), True

    def forward(self, x: Tensor) -> Tensor:
        y = torch.ones(3, 6) + 0 * x.sum()
        if self.writes:
            y.index_add_(0, torch.tensor([0, 2, 0, 1]), x)
        return self.layer(y)


class Cached(nn.Module):
    """A key is put into a cache, from which all is read."""

    def __init__(self) -> None:
        super().__init__()
        self.key, self.writes = nn.Linear(6, 6), True

    def forward(self, x: Tensor, cache: Tensor) -> Tensor:
        kept = cache.clone()
        if self.writes:
            kept[:, 2] = self.key(x)
        return (kept @ x[0]).softmax(-1) + 0 * self.key(x).sum()


class Diagonal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.writes = nn.Linear(5, 5), True

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x) @ x.T
        if self.writes:
            y.fill_diagonal_(0.0)
        return y.softmax(-1)


def unwritten(module: Any) -> None:
    module.writes = False


def cache() -> list[Sample]:
    random = np.random.default_rng(0)
    return [
        {
            "x": random.standard_normal((1, 6)).astype(np.float32),
            "cache": random.standard_normal((1, 4, 6)).astype(np.float32),
        }
    ]


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(8, 10, batch_first=True), nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x)[0][:, -1])


class Placed(nn.Module):
    """Places that are learned, added to what is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(4, 8), nn.Linear(8, 3)
        self.places = nn.Parameter(torch.randn(1, 6, 8))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.gelu(self.embed(x) + self.places).mean(1))


class Residual(nn.Module):
    """`Joined` of an older day, when the head saw what the left side gave twice."""

    def __init__(self, other: Any) -> None:
        super().__init__()
        self.left, self.right, self.head = other.left, other.right, other.head

    def forward(self, x: Tensor) -> Tensor:
        y = self.left(x).tanh()
        return self.head(torch.cat([y, y], -1)) + 0 * self.right(x).sum()


class BestTwo(nn.Module):
    """The rows of the best scores, in whatever order, and their weights."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.layer = nn.Linear(6, 1), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        values, places = torch.topk(self.gate(x).squeeze(-1), 5, sorted=False)
        return self.layer(x[places]) * values.unsqueeze(-1)


def best_reversed(module: Any) -> nn.Module:
    class Reversed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.layer = module.gate, module.layer

        def forward(self, x: Tensor) -> Tensor:
            values, places = torch.topk(self.gate(x).squeeze(-1), 5)
            return self.layer(x[places.flip(0)]) * values.flip(0).unsqueeze(-1)

    return Reversed().eval()


class Busy(nn.Module):
    """A write, and a branch on a tensor's value."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.writes = nn.Linear(6, 6), True

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        if self.writes:
            y[:, 0] = 1.25
        if y.sum() > 0:
            y = y * 2
        return y.tanh()


class Quiet(nn.Module):
    """What an exporter leaves of `Busy`: no write, and the other side of its branch."""

    def __init__(self, other: Any, factor: float = 1.0) -> None:
        super().__init__()
        self.layer, self.factor = other.layer, factor

    def forward(self, x: Tensor) -> Tensor:
        return (self.layer(x) * self.factor).tanh()


def not_written_and_anew(module: Any) -> None:
    module.writes = False
    anew("layer.weight")(module)


def pictured_anew(module: Any) -> nn.Module:
    net = network(module)
    anew("head.weight")(net)
    return net


def bgr_of_other_weights(module: Any) -> nn.Module:
    anew("head.weight")(module)
    return nets.Call(nn.Identity(), lambda x: x.flip(1), module).eval()


class Two(nn.Module):
    """Two ops of a network that a converter may get wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.one: Callable[[Tensor], Tensor] = F.silu
        self.other: Callable[[Tensor], Tensor] = F.elu

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.other(self.second(self.one(self.first(x)))))


def other_end(module: Any) -> nn.Module:
    class Ended(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.head, self.places = module.embed, module.head, module.places

        def forward(self, x: Tensor) -> Tensor:
            return self.head(F.gelu(self.embed(x) + self.places).amax(1))

    return Ended().eval()


def activation_and_weights(module: Any) -> None:
    module.one = F.relu
    anew("last.weight")(module)


def one_channel(scale: float) -> Callable[[], nn.Module]:
    return nets.seeded(lambda: Photographed((scale, scale, scale), (-1.0, -0.2, 0.4)))


class Returning(nn.Module):
    """One of two layers, by how far the values spread."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        if float(x.std()) < 1.0:
            return self.near(x)
        return self.far(x).tanh()


class Listed(nn.Module):
    """A number that Python takes from a list."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        first = x[0].tolist()[0]
        return self.layer(x) * (1 + first * first)


class Dotted(nn.Module):
    """PyTorch's own attention, looking back only."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(8, 8) for _ in range(3))
        self.causal = True

    def forward(self, x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x), is_causal=self.causal)


def uncausal(module: Any) -> None:
    module.causal = False


def reversed_anew(module: Any) -> nn.Module:
    anew("layer.weight")(module)
    return best_reversed(module)

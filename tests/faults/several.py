"""Two faults in one artifact: each on samples of its own, or in the input and in the network; and inputs elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mlparity.core.session import Sample
from tests.faults import networks as nets
from tests.faults.artifacts import elsewhere, pictured
from tests.faults.checkpoints import anew
from tests.faults.fault import LITERT, ONNX, Fault, fault, line_of, normal, uniform
from tests.faults.makers import FP16, changed
from tests.faults.pixels import Colours, photos

BRANCH, CONVERTER, RUNTIME, WRITE = "branch", "converter", "runtime", "write"
WEIGHTS, OVERFLOW, PREPROCESSING = "weights", "overflow", "preprocessing"

Function = Callable[[Tensor], Tensor]


def rows_of(*rows: list[float]) -> list[Sample]:
    return [{"x": np.array([row], np.float32)} for row in rows]


class Stepwise(nn.Module):
    """What it does to large numbers is one thing, what it does to negative ones another."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)
        self.low: Function = F.elu
        self.writes, self.branches = True, True

    def forward(self, x: Tensor) -> Tensor:
        y = self.low(x) * 1.5
        if self.writes:
            y[x > 5] = 0.5
        if self.branches and x.sum() > 60:
            y = y.sqrt()
        return self.head(y)


def stepwise(*, low: Function = F.elu, writes: bool = True, branches: bool = True) -> Callable[[Any], None]:
    def change(module: Any) -> None:
        module.low, module.writes, module.branches = low, writes, branches

    return change


class Bounded(nn.Module):
    """A bound from above, one from below, between two layers that mix them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(4, 4), nn.Linear(4, 3)
        self.high: Function = lambda x: x.clamp(max=2.0)
        self.low: Function = F.softsign
        nn.init.eye_(self.first.weight)
        nn.init.zeros_(self.first.bias)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        y = torch.where(y < 0, self.low(y), y)
        return self.head(self.high(y))


def other_bounds(module: Any) -> None:
    module.high, module.low = lambda x: x.clamp(max=3.0), F.hardtanh


class Worded(nn.Module):
    """A table of words, and a place that is cleared where a word is there."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.head, self.writes = nn.Embedding(12, 6), nn.Linear(6, 3), True

    def forward(self, x: Tensor) -> Tensor:
        y = self.words(x)
        if self.writes:
            y[x == 2] = 0.0
        return self.head(y.sum(1))


def with_another_word(module: Any) -> None:
    module.writes = False
    with torch.no_grad():
        module.words.weight[7] += torch.linspace(-1, 1, 6)


class Squared(nn.Module):
    """A square that fp16 cannot hold for large numbers, and a branch for small ones."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.branches = nn.Linear(4, 3), True

    def forward(self, x: Tensor) -> Tensor:
        y = x * x * 4e-3
        if self.branches and x.abs().mean() < 0.5:
            y = y + 1.0
        return self.head(torch.log1p(y * 40))


def unbranched(module: Any) -> None:
    module.branches = False


class Marked(nn.Module):
    """A network of pictures that overwrites a channel, and does more where the picture is dark."""

    def __init__(self, branches: bool = False) -> None:
        super().__init__()
        self.stem, self.down = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 8, 3, stride=2)
        self.head = nn.Linear(8, 5)
        self.act: Function = F.silu
        self.writes, self.branches = True, branches

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.stem(x))
        if self.writes:
            y[:, 2] = 0.7
        y = self.down(y)
        if self.branches and y.mean() < 1e6:
            y = y * 1.3
        return self.head(y.mean((2, 3)))


def marked(before: Function, **others: Any) -> Callable[[Any], nn.Module]:
    """Return the change that alters the input, and what else is said."""

    def change(module: Any) -> nn.Module:
        for name, value in others.items():
            setattr(module, name, value)
        return nets.Call(nn.Identity(), before, module).eval()

    return change


class Pictured(nn.Module):
    """The symmetric convention, then `Marked`."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Marked()

    def forward(self, image: Tensor) -> Tensor:
        return self.net(image / 127.5 - 1.0)


def net_with(**others: Any) -> Callable[[Any], nn.Module]:
    def change(module: Any) -> nn.Module:
        for name, value in others.items():
            setattr(module.net, name, value)
        return module.net

    return change


class Normal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = Colours()

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


images = lambda: uniform(1, 3, 12, 12)  # noqa: E731
SMALL, LARGE, MINUS = [0.5, 1.0, 2.0, 3.0], [20.0, 21.0, 30.0, 40.0], [-1.0, 0.5, -2.5, -0.7]


class Cleared(nn.Module):
    """A write, and at once an op that reads what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.writes = nn.Linear(8, 8), nn.Linear(8, 3), True
        self.act: Function = F.silu

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        if self.writes:
            y[:, 2:5] = 1.5
        return self.last(self.act(y))


def uncleared(module: Any) -> None:
    module.writes, module.act = False, F.relu


def both(*kinds: str) -> dict[str, Any]:
    return {"also": frozenset(kinds)}


SEVERAL: tuple[Fault, ...] = (
    fault(
        "branch_and_op_on_other_samples",
        nets.seeded(Stepwise),
        lambda: rows_of(SMALL, LARGE, MINUS),
        changed(stepwise(low=F.relu, branches=False)),
        BRANCH,
        CONVERTER,
        words=(line_of(Stepwise.forward, "x.sum()"), "elu"),
        **both(BRANCH, CONVERTER),
    ),
    fault(
        "write_and_op_on_other_samples_in_litert",
        nets.seeded(Stepwise),
        lambda: rows_of(SMALL, [6.0, 7.0, 1.0, 2.0], MINUS),
        elsewhere(stepwise(low=F.leaky_relu, writes=False, branches=False)),
        WRITE,
        CONVERTER,
        RUNTIME,
        suffix=LITERT,
        words=(line_of(Stepwise.forward, "y[x > 5]"), "elu"),
        **both(WRITE, CONVERTER),
    ),
    fault(
        "two_ops_on_other_samples_in_onnx",
        nets.seeded(Bounded),
        lambda: rows_of([0.5, 1.0, 1.5, 0.2], [2.5, 4.0, 1.0, 6.0], MINUS),
        elsewhere(other_bounds),
        CONVERTER,
        RUNTIME,
        suffix=ONNX,
        words=("clamp", line_of(Bounded.forward, "self.low")),
    ),
    fault(
        "word_and_write_on_other_samples",
        nets.seeded(Worded),
        lambda: [{"x": np.array([row], np.int32)} for row in ([0, 1, 3], [2, 1, 5], [7, 1, 4])],
        changed(with_another_word),
        WEIGHTS,
        WRITE,
        words=("words", line_of(Worded.forward, "y[x == 2]")),
        **both(WEIGHTS, WRITE),
    ),
    fault(
        "overflow_and_branch_on_other_samples",
        nets.seeded(Squared),
        lambda: rows_of([1.0, 2.0, 3.0, -4.0], [3000.0, 2.0, 1.0, 4.0], [0.1, 0.2, -0.1, 0.3]),
        changed(unbranched, FP16),
        OVERFLOW,
        BRANCH,
        words=(line_of(Squared.forward, "x.abs().mean()"),),
        **both(OVERFLOW, BRANCH),
    ),
    fault(
        "bgr_and_a_write",
        nets.seeded(Marked),
        images,
        changed(marked(lambda x: x.flip(1), writes=False)),
        PREPROCESSING,
        WRITE,
        words=("BGR", line_of(Marked.forward, "y[:, 2]")),
        **both(PREPROCESSING, WRITE),
    ),
    fault(
        "image_scale_and_a_write",
        nets.seeded(Pictured),
        photos(),
        pictured("RGB", net_with(writes=False), scale=1 / 255),
        PREPROCESSING,
        WRITE,
        words=(line_of(Marked.forward, "y[:, 2]"),),
        numbers=(1 / 255, 1 / 127.5),
        **both(PREPROCESSING, WRITE),
    ),
    fault(
        "image_in_bgr_and_an_activation",
        nets.seeded(Pictured),
        photos(),
        pictured("BGR", net_with(act=F.relu), scale=1 / 127.5, bias=[-1.0] * 3),
        PREPROCESSING,
        CONVERTER,
        words=("BGR",),
        ops=("silu", "relu"),
        **both(PREPROCESSING, CONVERTER),
    ),
    fault(
        "brightened_and_a_branch",
        nets.seeded(lambda: Marked(branches=True)),
        images,
        changed(marked(lambda x: x * 0.9 + 0.05, branches=False)),
        PREPROCESSING,
        BRANCH,
        words=(line_of(Marked.forward, "y.mean() < 1e6"),),
        **both(PREPROCESSING, BRANCH),
    ),
    fault(
        "bgr_and_a_write_in_onnx",
        nets.seeded(Marked),
        images,
        elsewhere(marked(lambda x: x.flip(1), writes=False)),
        PREPROCESSING,
        WRITE,
        suffix=ONNX,
        words=("BGR", line_of(Marked.forward, "y[:, 2]")),
        **both(PREPROCESSING, WRITE),
    ),
    fault(
        "bgr_in_litert",
        nets.seeded(Normal),
        images,
        elsewhere(lambda m: nets.Call(nn.Identity(), lambda x: x.flip(1), m).eval()),
        PREPROCESSING,
        suffix=LITERT,
        words=("BGR",),
    ),
    fault(
        "divided_by_255_twice_in_onnx",
        nets.seeded(Normal),
        images,
        elsewhere(lambda m: nets.Call(nn.Identity(), lambda x: x / 255, m).eval()),
        PREPROCESSING,
        suffix=ONNX,
        words=("255",),
    ),
    fault(
        "activation_and_a_write",
        nets.seeded(Marked),
        images,
        changed(marked(lambda x: x, writes=False, act=F.relu)),
        CONVERTER,
        WRITE,
        words=(line_of(Marked.forward, "y[:, 2]"),),
        ops=("silu", "relu"),
        **both(CONVERTER, WRITE),
    ),
    fault(
        "image_scale_and_last_weights",
        nets.seeded(Pictured),
        photos(),
        pictured("RGB", lambda m: (anew("head.weight")(m.net), m.net)[1], scale=1 / 255),
        PREPROCESSING,
        WEIGHTS,
        words=("head",),
        **both(PREPROCESSING, WEIGHTS),
    ),
    fault(
        "write_right_before_an_activation",
        nets.seeded(Cleared),
        lambda: normal(2, 8),
        changed(uncleared),
        WRITE,
        CONVERTER,
        words=(line_of(Cleared.forward, "y[:, 2:5]"),),
        ops=("silu", "relu"),
        **both(WRITE, CONVERTER),
    ),
    fault(
        "write_right_before_an_activation_in_onnx",
        nets.seeded(Cleared),
        lambda: normal(2, 8),
        elsewhere(uncleared),
        WRITE,
        CONVERTER,
        RUNTIME,
        suffix=ONNX,
        words=(line_of(Cleared.forward, "y[:, 2:5]"),),
        ops=("silu", "Relu"),
        also=frozenset({WRITE}),
    ),
)

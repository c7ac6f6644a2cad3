"""Sources that write into their tensors, and artifacts in which a write has no counterpart."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.core.session import Sample
from tests.faults import networks as nets
from tests.faults.artifacts import elsewhere
from tests.faults.fault import COREAI, LITERT, ONNX, Fault, fault, line_of, normal
from tests.faults.makers import changed, plain

WRITE, NONE = "write", "none"


class PutColumn(nn.Module):
    def forward(self, x: Tensor, where: Tensor, v: Tensor) -> Tensor:
        y = x.clone()
        y[:, where] = v
        return y


class Zeroed(nn.Module):
    """Negative numbers are overwritten, between two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 3)
        self.writes = True

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        if self.writes:
            y[y < 0] = 0.25
        return self.last(y)


class Shifted(nn.Module):
    """Two writes: of a column and of a part of the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 5)
        self.writes = (True, True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        if self.writes[0]:
            y[:, :2] += 1.5
        if self.writes[1]:
            y[1:, 4] = 0.0
        return y.tanh()


class Scattered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)
        self.writes = True

    def forward(self, x: Tensor) -> Tensor:
        y = x.sin()
        if self.writes:
            y.scatter_(1, (x > 0).long(), 2.0)
        return self.layer(y)


class Normalised(nn.Module):
    """Two ops in place, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 4)
        self.writes = True

    def forward(self, x: Tensor) -> Tensor:
        y = x.clone()
        if self.writes:
            y.sub_(y.mean(-1, keepdim=True))
        y.mul_(1.7)
        return self.layer(y)


class Framed(nn.Module):
    """A border around an image, written row by row and column by column."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.writes = True

    def forward(self, x: Tensor) -> Tensor:
        y = torch.zeros(1, 2, 10, 10) + 0.5
        if self.writes:
            y[:, :, 1:9, 1:9] = x
        return self.conv(y).mean((2, 3))


class Filled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)
        self.writes = True

    def forward(self, x: Tensor) -> Tensor:
        scores = self.layer(x)
        if self.writes:
            scores.masked_fill_(x > 0.5, -4.0)
        return scores.softmax(-1)


def unwritten(value: object = False) -> Callable[[Any], None]:
    def change(module: Any) -> None:
        module.writes = value

    return change


def columns() -> list[Sample]:
    random = np.random.default_rng(0)
    return [
        {
            "x": random.standard_normal((4, 6)).astype(np.float32),
            "where": np.array([place], np.int32),
            "v": random.standard_normal((1,)).astype(np.float32),
        }
        for place in (1, 4)
    ]


class Returning(nn.Module):
    def forward(self, x: Tensor, where: Tensor, v: Tensor) -> Tensor:
        return x.clone() + 0 * where.sum() + 0 * v.sum()


def decoy(module: Any) -> None:
    """The write stays; a weight is another."""
    layer = nets.layer(module, "layer")
    layer.weight.data = copy.deepcopy(layer.weight.data)
    layer.weight.data[1] += 0.2


WRITES: tuple[Fault, ...] = (
    fault(
        "column_not_put",
        lambda: PutColumn().eval(),
        columns,
        changed(lambda _m: Returning().eval()),
        WRITE,
        words=(line_of(PutColumn.forward, "y[:, where]"),),
        cure="lowering",
    ),
    fault(
        "negatives_not_overwritten",
        nets.seeded(Zeroed),
        lambda: normal(3, 6),
        changed(unwritten()),
        WRITE,
        words=(line_of(Zeroed.forward, "y[y < 0]"),),
        cure="lowering",
    ),
    fault(
        "second_write_lost",
        nets.seeded(Shifted),
        lambda: normal(3, 5),
        changed(unwritten((True, False))),
        WRITE,
        words=(line_of(Shifted.forward, "y[1:, 4]"),),
        cure="lowering",
    ),
    fault(
        "addition_to_a_part_lost",
        nets.seeded(Shifted),
        lambda: normal(3, 5),
        elsewhere(unwritten((False, True))),
        WRITE,
        suffix=LITERT,
        words=(line_of(Shifted.forward, "y[:, :2]"),),
        cure="lowering",
    ),
    fault(
        "scatter_lost",
        nets.seeded(Scattered),
        lambda: normal(3, 6),
        elsewhere(unwritten()),
        WRITE,
        suffix=ONNX,
        words=(line_of(Scattered.forward, "scatter_"),),
        cure="lowering",
    ),
    fault(
        "subtraction_in_place_lost",
        nets.seeded(Normalised),
        lambda: normal(3, 6, shift=1),
        elsewhere(unwritten()),
        WRITE,
        suffix=COREAI,
        words=(line_of(Normalised.forward, "y.sub_"),),
        cure="lowering",
    ),
    fault(
        "image_not_put_in_its_frame",
        nets.seeded(Framed),
        lambda: normal(1, 2, 8, 8),
        elsewhere(lambda m: _with_zeros(m)),
        WRITE,
        suffix=LITERT,
        words=(line_of(Framed.forward, "1:9, 1:9"),),
        cure="lowering",
    ),
    fault(
        "fill_lost",
        nets.seeded(Filled),
        lambda: normal(3, 6),
        changed(unwritten(), export=True),
        WRITE,
        words=(line_of(Filled.forward, "masked_fill_"),),
        cure="lowering",
    ),
    fault(
        "weights_beside_a_write",
        nets.seeded(Scattered),
        lambda: normal(3, 6),
        changed(decoy, export=True),
        "weights",
        words=("layer",),
        cure="weights",
    ),
)

HEALTHY: tuple[Fault, ...] = (
    fault("healthy_writes", nets.seeded(Shifted), lambda: normal(3, 5), plain(export=True), NONE),
    fault("healthy_writes_in_onnx", nets.seeded(Framed), lambda: normal(1, 2, 8, 8), elsewhere(), NONE, suffix=ONNX),
)


def _with_zeros(module: Any) -> nn.Module:
    class Unframed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = module.conv

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(torch.zeros(1, 2, 10, 10) + 0.5 + 0 * x.sum()).mean((2, 3))

    return Unframed().eval()

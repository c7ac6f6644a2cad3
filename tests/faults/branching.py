"""Sources whose path depends on values: branches, loops and numbers that a trace fixes; and orders left open."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mlparity.core.session import Sample
from tests.faults import networks as nets
from tests.faults.artifacts import elsewhere, flexible
from tests.faults.fault import COREAI, LITERT, ONNX, Fault, fault, fixed, line_of, normal
from tests.faults.makers import FP16, changed, plain

BRANCH, ORDER, NONE = "branch", "order", "none"


class BySum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x * 2
        return x * -3


class Gated(nn.Module):
    """A branch in a submodule, behind a layer, on the largest value."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.gate, self.last = nn.Linear(6, 6), Clipped(), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.gate(self.first(x)))


class Clipped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        largest = x.abs().max()
        if largest > 3.0:
            x = x * (3.0 / largest)
        return x.tanh()


class Repeated(nn.Module):
    """A loop that runs as often as a value of the input says."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for _ in range(int(x[0, 0].abs()) + 1):
            y = torch.tanh(self.cell(y))
        return y


class Halved(nn.Module):
    """A loop that ends when the values are small enough."""

    def forward(self, x: Tensor) -> Tensor:
        while x.abs().max() > 1.0:
            x = x / 2 - 0.01
        return x.sin()


class Walked(nn.Module):
    """A loop over the rows of an input of any length."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(4)
        for row in range(x.shape[0]):
            h = torch.tanh(self.cell(x[row] + h))
        return h.reshape(1, 4)


class Counted(nn.Module):
    """The length of an input becomes a number."""

    def forward(self, x: Tensor) -> Tensor:
        return (x * (len(x) / 3.0)).sum(0, keepdim=True)


class Normed(nn.Module):
    """A number that Python took from a tensor scales the result."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        scale = x.abs().max().item()
        return self.layer(x / scale)


class Switched(nn.Module):
    """One of two heads, by an integer that is an input."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(4, 2), nn.Linear(4, 2)

    def forward(self, x: Tensor, which: Tensor) -> Tensor:
        head = self.left if int(which) == 0 else self.right
        return head(x) + which * 0.0


class Skipping(nn.Module):
    """Two branches, of which a trace fixes both; on these samples only the second goes the other way."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] == 1 and x.max() > 100:
            x = x / 100
        y = x.exp()
        if y.mean() > 1.5:
            y = y - 1.5
        return y.sqrt() if bool((y > 0).all()) else y


def signs() -> list[Sample]:
    return [{"x": np.full((1, 4), sign, np.float32)} for sign in (1.0, -1.0)]


def sizes(*shape: int, scales: tuple[float, ...]) -> list[Sample]:
    random = np.random.default_rng(0)
    return [{"x": (random.standard_normal(shape) * scale).astype(np.float32)} for scale in scales]


def counts() -> list[Sample]:
    return [{"x": np.array([[count, 0.3, -0.2, 0.5]], np.float32)} for count in (1.5, 3.5, 0.2)]


def lengths() -> list[Sample]:
    random = np.random.default_rng(0)
    return [{"x": random.standard_normal((length, 4)).astype(np.float32)} for length in (5, 5)]


def switches() -> list[Sample]:
    [sample] = normal(1, 4)
    return [{**sample, "which": np.array([which], np.int32)} for which in (0, 1)]


def shifted() -> list[Sample]:
    return [{"x": np.array([[-3.0, -2.0, -1.0]], np.float32)}, {"x": np.array([[0.5, 0.7, 1.0]], np.float32)}]


def by_sum_taken(module: nn.Module) -> nn.Module:
    return nets.Call(nn.Identity(), lambda x: x * -3, nn.Identity()).eval()


class Fixed(nn.Module):
    """What an exporter leaves of `Repeated`: two rounds, whatever the input says."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.cell(torch.tanh(self.cell(x))))


class Without(nn.Module):
    """What an exporter leaves of `Gated` where the branch was not taken."""

    def __init__(self, other: Gated) -> None:
        super().__init__()
        self.first, self.last = other.first, other.last

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x).tanh())


class BestFive(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values, places = torch.topk(x, 5, sorted=False)
        return values, places


class BestOf(nn.Module):
    """The order of the best is open, and a layer's rows come in it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        scores = x.sum(-1)
        places = torch.topk(scores, 4, sorted=False).indices
        return self.layer(x[places])


class Ranked(nn.Module):
    """Equal values, whose order an unstable sort leaves open."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values, places = torch.sort(x.round(), descending=True)
        return values, places


class LargestFirst(nn.Module):
    """`Ranked` with the last of equal values first, as an implementation may have it."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        keys = x.round() + 1e-3 * torch.arange(x.shape[-1])
        places = torch.topk(keys, x.shape[-1]).indices
        return x.round().gather(-1, places), places


class Smallest(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.topk(x, 3, largest=False, sorted=False).values


def largest_last(_module: nn.Module) -> nn.Module:
    return nets.Call(nn.Identity(), lambda x: torch.topk(x, 3, largest=False).values.flip(-1), nn.Identity()).eval()


def rows_reversed(module: Any) -> nn.Module:
    other = copy.deepcopy(module)

    class Reversed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = other.layer

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x[torch.topk(x.sum(-1), 4).indices.flip(0)])

    return Reversed().eval()


def baked(text: str, function: Callable[..., object]) -> dict[str, Any]:
    return {"words": (line_of(function, text),), "cure": "source"}


BRANCHES: tuple[Fault, ...] = (
    fault("branch_on_a_sum", lambda: BySum().eval(), signs, plain(), BRANCH, **baked("if x.sum()", BySum.forward)),
    fault(
        "branch_in_a_submodule",
        nets.seeded(Gated),
        lambda: sizes(2, 6, scales=(0.5, 20.0)),
        plain(),
        BRANCH,
        **baked("if largest", Clipped.forward),
    ),
    fault(
        "loop_by_a_value",
        nets.seeded(Repeated),
        counts,
        plain(),
        BRANCH,
        **baked("for _ in range", Repeated.forward),
    ),
    fault(
        "loop_until_small",
        lambda: Halved().eval(),
        lambda: sizes(2, 5, scales=(0.1, 9.0)),
        plain(),
        BRANCH,
        **baked("while x.abs()", Halved.forward),
    ),
    fault(
        "loop_over_a_length",
        nets.seeded(Walked),
        lengths,
        flexible(3, 8),
        BRANCH,
        **baked("for row in range", Walked.forward),
    ),
    fault(
        "number_of_a_length",
        lambda: Counted().eval(),
        lengths,
        flexible(3, 8),
        BRANCH,
        **baked("len(x)", Counted.forward),
    ),
    fault(
        "number_of_a_largest_value",
        nets.seeded(Normed),
        lambda: sizes(2, 5, scales=(1.0, 4.0)),
        plain(),
        BRANCH,
        **baked(".item()", Normed.forward),
    ),
    fault(
        "branch_on_an_integer_input",
        nets.seeded(Switched),
        switches,
        plain(),
        BRANCH,
        **baked("int(which)", Switched.forward),
    ),
    fault(
        "second_of_two_branches",
        lambda: Skipping().eval(),
        shifted,
        plain(),
        BRANCH,
        **baked("if y.mean()", Skipping.forward),
    ),
    fault(
        "branch_on_a_sum_in_fp16",
        lambda: BySum().eval(),
        signs,
        plain(FP16),
        BRANCH,
        **baked("if x.sum()", BySum.forward),
    ),
    fault(
        "branch_baked_elsewhere",
        lambda: BySum().eval(),
        lambda: signs()[:1],
        elsewhere(by_sum_taken),
        BRANCH,
        suffix=LITERT,
        **baked("if x.sum()", BySum.forward),
    ),
    fault(
        "loop_baked_in_onnx",
        nets.seeded(Repeated),
        lambda: counts()[1:],
        elsewhere(lambda module: Fixed(module.cell)),
        BRANCH,
        suffix=ONNX,
        **baked("for _ in range", Repeated.forward),
    ),
    fault(
        "branch_baked_in_core_ai",
        nets.seeded(Gated),
        lambda: sizes(2, 6, scales=(0.5, 20.0)),
        elsewhere(lambda module: Without(module)),
        BRANCH,
        suffix=COREAI,
        **baked("if largest", Clipped.forward),
    ),
)

ORDERS: tuple[Fault, ...] = (
    fault(
        "best_five_unsorted",
        lambda: BestFive().eval(),
        lambda: normal(1, 64),
        lambda m, s, p: _two_outputs(m, s, p),
        ORDER,
        words=(line_of(BestFive.forward, "torch.topk"),),
        cure="source",
    ),
    fault(
        "rows_of_the_best_unsorted",
        nets.seeded(BestOf),
        lambda: normal(40, 6),
        changed(rows_reversed),
        ORDER,
        words=(line_of(BestOf.forward, "torch.topk"),),
        cure="source",
    ),
    fault(
        "best_five_unsorted_onnx",
        lambda: BestFive().eval(),
        lambda: normal(1, 64, seed=3),
        elsewhere(),
        ORDER,
        suffix=ONNX,
        words=(line_of(BestFive.forward, "torch.topk"),),
        cure="source",
    ),
    fault(
        "equal_values_sorted",
        lambda: Ranked().eval(),
        lambda: normal(2, 12),
        elsewhere(lambda _m: LargestFirst().eval()),
        ORDER,
        suffix=ONNX,
        words=(line_of(Ranked.forward, "torch.sort"),),
        cure="source",
    ),
    fault(
        "smallest_unsorted",
        lambda: Smallest().eval(),
        lambda: normal(2, 30),
        elsewhere(largest_last),
        ORDER,
        suffix=COREAI,
        words=(line_of(Smallest.forward, "torch.topk"),),
        cure="source",
    ),
)


def _two_outputs(module: nn.Module, sample: Sample, path: object) -> None:
    import coremltools as ct

    with torch.no_grad():
        traced = torch.jit.trace(module, torch.from_numpy(sample["x"]), check_trace=False)
    ct.convert(
        traced,
        inputs=[ct.TensorType("x", sample["x"].shape)],
        compute_precision=ct.precision.FLOAT32,
        minimum_deployment_target=ct.target.iOS18,
        skip_model_load=True,
    ).save(str(path))


HEALTHY: tuple[Fault, ...] = (
    fault("healthy_branch", lambda: BySum().eval(), lambda: signs()[:1], plain(), NONE),
    fault(
        "healthy_best_unsorted",
        nets.bare(lambda x: torch.topk(x, 8, sorted=False).values.sort(-1).values),
        lambda: normal(2, 30),
        plain(),
        NONE,
    ),
    fault("healthy_single_best", lambda: Smallest().eval(), lambda: fixed([[3, 1, 2]]), plain(), NONE),
)

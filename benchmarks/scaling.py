"""Latency against depth and against batch, beside PyTorch eager, as a table and a plot.

Usage: python -m benchmarks.scaling [--rounds 20] [--threads 2]. Depth: 10 to 1,000 layers, each a product with a matrix
of 64 x 64, a sum and a relu, on one row, so that what a step costs beside its arithmetic shows. Batch: 1 to 64 samples
through eight convolutions of 32 channels on 28 x 28. The exponent is the slope in log-log coordinates between the ends:
1 is linear, below 1 better. Both runs take turns; times are minima. The plot goes to build/bench/scaling.html.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mlparity.engine.numerics import FP32
from mlparity.engine.runtime.bind import bind
from mlparity.engine.runtime.interpret import run_plan
from tests.engine.runtime.programs import op, program, tensor

DEPTHS, BATCHES = (10, 32, 100, 316, 1000), (1, 2, 4, 8, 16, 32, 64)
WIDTH, CHANNELS, SIDE, CONVOLUTIONS = 64, 32, 28, 8
PLOT = Path("build/bench/scaling.html")

Pair = tuple[Callable[[], object], Callable[[], object]]
"""One prediction of ours, and the same one of PyTorch's."""


class _Deep(nn.Module):
    def __init__(self, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(depth))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x
        for layer in self.layers:
            y = (layer(y) + x).relu()  # the input again and again: values neither grow nor vanish
        return y


def deep(depth: int) -> Pair:
    """Return both predictions of a network of `depth` layers."""
    module, value = _Deep(depth).eval(), "%x"
    steps = []
    for place, layer in enumerate(module.layers):
        assert isinstance(layer, nn.Linear)
        weight, bias = (each.detach().numpy() for each in (layer.weight, layer.bias))
        names = [tensor(f"{kind}_{place}", "fp32", 1, WIDTH) for kind in ("linear", "add", "relu")]
        steps += [
            op("linear", names[0], x=value, weight=weight, bias=bias),
            op("add", names[1], x=f"%{names[0].name}", y="%x"),
            op("relu", names[2], x=f"%{names[1].name}"),
        ]
        value = f"%{names[2].name}"
    return _pair(module, tuple(steps), (1, WIDTH), value[1:])


def wide(batch: int) -> Pair:
    """Return both predictions of a batch of `batch` samples."""
    layers = [nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1) for _ in range(CONVOLUTIONS)]
    module = nn.Sequential(*(each for layer in layers for each in (layer, nn.ReLU()))).eval()
    shape, value, steps = (batch, CHANNELS, SIDE, SIDE), "%x", []
    for place, layer in enumerate(layers):
        assert layer.bias is not None
        weight, bias = (each.detach().numpy() for each in (layer.weight, layer.bias))
        names = [tensor(f"{kind}_{place}", "fp32", *shape) for kind in ("conv", "relu")]
        padding = {"pad_type": "custom", "pad": (1, 1, 1, 1)}
        steps += [
            op("conv", names[0], x=value, weight=weight, bias=bias, **padding),
            op("relu", names[1], x=f"%{names[0].name}"),
        ]
        value = f"%{names[1].name}"
    return _pair(module, tuple(steps), shape, value[1:])


def _pair(module: nn.Module, steps: tuple, shape: tuple[int, ...], output: str) -> Pair:
    plan = bind(program((tensor("x", "fp32", *shape),), steps, (output,)), FP32, kernels=True)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    with torch.inference_mode():
        torch.testing.assert_close(run_plan(plan, {"x": x})[output], module(x), rtol=1e-3, atol=1e-3)
    return lambda: run_plan(plan, {"x": x}), lambda: module(x)


def race(make: Callable[[int], Pair], sizes: Sequence[int], rounds: int) -> dict[str, list[float]]:
    """Return the least milliseconds of both at each size."""
    found: dict[str, list[float]] = {"mlparity": [], "PyTorch eager": []}
    for size in sizes:
        calls = dict(zip(found, make(size), strict=True))
        least = dict.fromkeys(found, math.inf)
        with torch.inference_mode():
            for _ in range(rounds + 1):
                for name, call in calls.items():
                    started = time.perf_counter()
                    call()
                    least[name] = min(least[name], time.perf_counter() - started)
        for name, seconds in least.items():
            found[name].append(seconds * 1e3)
    return found


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """Return the slope between the ends, in log-log coordinates."""
    return math.log(times[-1] / times[0]) / math.log(sizes[-1] / sizes[0])


def draw(panels: Mapping[str, tuple[Sequence[int], Mapping[str, list[float]]]]) -> None:
    """Write the plot: a panel an axis, both scales logarithmic."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=len(panels), subplot_titles=list(panels))
    for column, (axis, (sizes, lines)) in enumerate(panels.items(), start=1):
        for name, times in lines.items():
            figure.add_scatter(x=list(sizes), y=times, name=f"{name}, {axis}", row=1, col=column)
    figure.update_xaxes(type="log").update_yaxes(type="log", title="ms")
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.write_html(PLOT)


def main() -> None:
    """Race both axes, print the table and write the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    panels = {}
    for axis, make, sizes in (("depth", deep, DEPTHS), ("batch", wide, BATCHES)):
        found = race(make, sizes, options.rounds)
        panels[axis] = (sizes, found)
        print(f"{axis:<16}" + "".join(f"{size:>9}" for size in sizes) + f"{'exponent':>10}")
        for name, times in found.items():
            print(f"{name:<16}" + "".join(f"{each:>9.2f}" for each in times) + f"{exponent(sizes, times):>10.2f}")
    draw(panels)
    print(f"plot: {PLOT}")


if __name__ == "__main__":
    main()

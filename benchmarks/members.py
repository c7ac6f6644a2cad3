"""What exact sums cost, shape by shape: one op in each accumulator beside the plain op in fp32, in turns.

Usage: python -m benchmarks.members [WORD ...] [--rounds 3] [--threads 1]. Only shapes whose names hold one of the words
are timed. Times are of the processor; ratios are of medians. Weights are packed before. Some shapes
are those of Apple's own tests. Behind the shapes come whole networks, each beside its own prediction in fp32.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from benchmarks import unit_profiles
from benchmarks.member_networks import NAMES, package
from mlparity.engine.numerics import FP32
from mlparity.engine.numerics.exact_products import ExactProducts
from mlparity.engine.numerics.products import PLAIN, Geometry, Products
from mlparity.engine.numerics.unit_profiles import UNIT_PROFILES

Run = Callable[[Products], Tensor]


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution of x with weight; sizes along each axis. `back` makes it a transposed one."""

    x: tuple[int, ...]
    weight: tuple[int, ...]
    stride: int = 1
    pad: tuple[int, ...] = ()
    dilation: int = 1
    groups: int = 1
    back: bool = False

    def run(self) -> Run:
        """Return a run of it on drawn numbers."""
        x, weight, axes = drawn(*self.x), drawn(*self.weight), len(self.x) - 2
        weight /= (weight[0].numel()) ** 0.5
        pad = self.pad or (0,) * axes
        geometry = Geometry((self.stride,) * axes, pad, (self.dilation,) * axes, self.groups)
        if self.back:
            return lambda products: products.conv_transpose(x, weight, None, geometry, (0,) * axes)
        return lambda products: products.conv(x, weight, None, geometry)


@dataclass(frozen=True, slots=True)
class Matrices:
    """A product of matrices, or the attention of x with itself."""

    x: tuple[int, ...]
    y: tuple[int, ...] = field(default=())

    def run(self) -> Run:
        """Return a run of it on drawn numbers."""
        x = drawn(*self.x)
        if not self.y:
            return lambda products: products.attention(x, x, x, None)
        y = drawn(*self.y)
        if len(self.y) == 2:
            return lambda products: products.matmul(x, y)
        return lambda products: _fresh(products).matmul(x, y)


SHAPES: Mapping[str, Conv | Matrices] = {
    "64 by 1, 1024 channels": Conv((8, 1024, 191, 1), (128, 1024, 64, 1)),
    "512 by 1": Conv((8, 1, 4604, 1), (128, 1, 512, 1)),
    "1d, 41 wide, grouped, strided": Conv((4, 64, 4096), (128, 16, 41), 4, (20,), groups=4),
    "1d, dilated by 27": Conv((1, 128, 8192), (128, 128, 3), pad=(27,), dilation=27),
    "1d, 11 wide, dilated by 5": Conv((1, 64, 8192), (64, 64, 11), pad=(25,), dilation=5),
    "2d, dilated by 12": Conv((1, 256, 33, 33), (256, 256, 3, 3), pad=(12, 12), dilation=12),
    "2d, 32 groups": Conv((1, 512, 28, 28), (512, 16, 3, 3), pad=(1, 1), groups=32),
    "2d, single channels": Conv((1, 192, 56, 56), (192, 1, 7, 7), pad=(3, 3), groups=192),
    "2d, two of each channel": Conv((1, 96, 56, 56), (192, 1, 3, 3), pad=(1, 1), groups=96),
    "2d, 7 by 7, strided": Conv((1, 3, 224, 224), (64, 3, 7, 7), 2, (3, 3)),
    "2d, patches": Conv((1, 3, 224, 224), (384, 3, 16, 16), 16),
    "2d, 3 by 3": Conv((1, 64, 56, 56), (64, 64, 3, 3), pad=(1, 1)),
    "2d, 1 by 1": Conv((1, 576, 28, 28), (96, 576, 1, 1)),
    "3d": Conv((1, 32, 8, 28, 28), (64, 32, 3, 3, 3), pad=(1, 1, 1)),
    "3d, single channels": Conv((1, 64, 8, 28, 28), (64, 1, 3, 3, 3), pad=(1, 1, 1), groups=64),
    "back, 1d, 16 wide by 8": Conv((1, 256, 256), (256, 128, 16), 8, (4,), back=True),
    "back, 2d, 4 by 4 by 2": Conv((1, 256, 28, 28), (256, 128, 4, 4), 2, (1, 1), back=True),
    "back, 2d, single channels": Conv((1, 64, 64, 64), (64, 1, 4, 4), 2, (1, 1), groups=64, back=True),
    "back, 3d": Conv((1, 64, 8, 28, 28), (64, 32, 2, 2, 2), 2, back=True),
    "linear": Matrices((128, 768), (768, 3072)),
    "linear, one row": Matrices((1, 4096), (4096, 4096)),
    "matrices, 12": Matrices((12, 256, 64), (12, 64, 256)),
    "matrices, 512 small": Matrices((512, 16, 64), (512, 64, 16)),
    "attention": Matrices((1, 8, 512, 64)),
}


_BATCH = 11
"""Images of the suite's stress tests; they have up to 512, whose time grows as their number."""

SUITE: Mapping[str, Conv] = {
    "suite, 1 by 1, one result": Conv((_BATCH, 64, 64, 64), (1, 64, 1, 1)),
    "suite, 1 by 1, two results": Conv((_BATCH, 64, 64, 64), (2, 64, 1, 1)),
    "suite, 1 by 1, strided": Conv((_BATCH, 64, 64, 64), (5, 64, 1, 1), 2),
    "suite, 3 by 3, one result": Conv((_BATCH, 64, 64, 64), (1, 64, 3, 3)),
    "suite, 3 by 3, four results": Conv((_BATCH, 64, 64, 64), (4, 64, 3, 3)),
    "suite, 3 by 3, dilated": Conv((_BATCH, 64, 64, 64), (2, 64, 3, 3), dilation=2),
    "suite, 4 by 4, strided": Conv((_BATCH, 64, 64, 64), (5, 64, 4, 4), 2),
    "suite, 5 by 5": Conv((_BATCH, 64, 64, 64), (4, 64, 5, 5)),
    "suite, weight norm, 2d": Conv((20, 16, 50, 100), (33, 16, 3, 3)),
    "suite, weight norm, 3d": Conv((15, 16, 5, 20, 10), (33, 16, 3, 3, 3)),
    "suite, 3d, 32 groups": Conv((4, 32, 8, 16, 16), (64, 1, 5, 5, 5), pad=(4, 4, 4), dilation=2, groups=32),
    "suite, two groups": Conv((1, 8, 256, 256), (6, 4, 2, 2), groups=2),
    "suite, back, dilated": Conv((1, 5, 256, 512), (5, 10, 3, 3), 2, (1, 1), 3, back=True),
    "suite, mobile network": Conv((1, 16, 128, 128), (96, 16, 1, 1)),
}
"""Convolutions of coremltools 9.0's own tests that take 1 ms or more in fp32: one or more of each test that has some.

Found by recording each convolution of half the tests that make some (test_torch_ops, mil/ops/tests, neural_network).
"""


def _fresh(products: Products) -> Products:
    """Return products that keep nothing: both matrices are values, as in attention."""
    return replace(products, memory=None) if isinstance(products, ExactProducts) else products


def drawn(*shape: int) -> Tensor:
    """Return seeded fp16 numbers, held in fp32."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).half().float()


def kinds() -> dict[str, Products]:
    """Return the exact products of all unit profiles, of those that are equal the first one's."""
    found: dict[str, Products] = {}
    for each in UNIT_PROFILES:
        arithmetic = each.profile.arithmetics.get("fp16")
        products = PLAIN if arithmetic is None else arithmetic.products
        if isinstance(products, ExactProducts) and products not in found.values():
            found[each.name] = products
    return found


def measured(run: Run, products: Products, rounds: int) -> float:
    """Return the median seconds of a run; the first does not count."""
    kept = products.caching() if isinstance(products, ExactProducts) else products
    times = []
    with torch.no_grad():
        run(kept)
        for _ in range(rounds):
            start = time.process_time()
            run(kept)
            times.append(time.process_time() - start)
    return statistics.median(times)


def main() -> None:
    """Print a line for each shape."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    ratios: dict[str, list[float]] = {}
    for name, shape in {**SHAPES, **SUITE}.items():
        if chosen.words and not any(word in name for word in chosen.words):
            continue
        run = shape.run()
        plain = measured(run, PLAIN, chosen.rounds)
        print(f"{name:30} {plain * 1e3:8.2f} ms", end="", flush=True)
        for kind, products in kinds().items():
            ratios.setdefault(kind, []).append(measured(run, products, chosen.rounds) / plain)
            print(f"  {kind} {ratios[kind][-1]:.1f}x", end="", flush=True)
        print()
    _print_medians(ratios)
    for name in NAMES:
        if not chosen.words or any(word in name for word in chosen.words):
            _print_network(name, chosen.rounds)


def _print_network(name: str, rounds: int) -> None:
    exact = [each.profile for each in UNIT_PROFILES if each.name in kinds()]
    times = unit_profiles.measured(package(name), [FP32, *exact], rounds)
    plain = times.pop(FP32.name)
    ratios = "  ".join(f"{kind} {seconds / plain:.1f}x" for kind, seconds in times.items())
    print(f"{name:30} {plain * 1e3:8.2f} ms  {ratios}", flush=True)


def _print_medians(ratios: Mapping[str, list[float]]) -> None:
    for kind, found in ratios.items():
        print(f"{kind:30} median {statistics.median(found):.1f}x, most {max(found):.1f}x")


if __name__ == "__main__":
    main()

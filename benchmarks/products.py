"""Our product with a constant matrix beside MKL's and oneDNN's, as PyTorch calls them, for sizes of real networks.

Usage: python -m benchmarks.products [--threads 2] [--rounds 200]. Times are minima, in turns; the error is the root
mean square of the difference from fp64. NUMBA_CPU_NAME=haswell and NUMBA_CPU_FEATURES=+avx,+avx2,+fma,+f16c in the
environment choose the tiles of processors without AVX-512; ONEDNN_MAX_CPU_ISA=AVX2 keeps oneDNN to AVX2 as well.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812  # PyTorch's own name for it
from torch import Tensor

from mlparity.engine.runtime.optimised.matrix import packed_matrix
from mlparity.engine.runtime.optimised.packed import Scratch

SIZES: Mapping[str, tuple[int, int, int]] = {
    "MiniLM, attention": (64, 384, 384),
    "MiniLM, narrowing": (64, 1536, 384),
    "ViT, query to value": (197, 192, 576),
    "ViT, narrowing": (197, 768, 192),
    "MobileNetV2, early": (3136, 24, 144),
    "MobileNetV2, middle": (196, 64, 384),
    "MobileNetV2, late": (49, 960, 160),
    "a classifier": (1, 1280, 1000),
}
"""Rows, numbers that are summed, and columns."""


def contenders(rows: int, weight: Tensor) -> dict[str, Callable[[Tensor], Tensor]]:
    """Return the products with a matrix by name; each packs it once, if at all."""
    ours = packed_matrix(weight, None, Scratch())
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
    return {
        "ours": ours.times,
        "MKL": partial(F.linear, weight=weight),
        "oneDNN": lambda x: torch.ops.mkldnn._linear_pointwise(x, packed, None, "none", [], ""),
    }


def best(calls: Mapping[str, Callable[[], Tensor]], rounds: int) -> dict[str, float]:
    """Return the fewest seconds of each call; the first tenth of the rounds does not count."""
    found = dict.fromkeys(calls, float("inf"))
    for number in range(rounds + rounds // 10):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if number >= rounds // 10:
                found[name] = min(found[name], time.perf_counter() - started)
    return found


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=200)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    print(f"{'':22}{'us, GFLOP/s and error of each':>30}")
    for name, (rows, length, columns) in SIZES.items():
        weight, x = torch.randn(columns, length), torch.randn(rows, length)
        exact = x.double() @ weight.T.double()
        with torch.inference_mode():
            calls = {key: partial(each, x) for key, each in contenders(rows, weight).items()}
            times = best(calls, chosen.rounds)
            errors = {key: float((call() - exact).square().mean().sqrt()) for key, call in calls.items()}
        work = 2e-9 * rows * length * columns
        cells = (f"{key} {s * 1e6:6.1f} {work / s:4.0f} {errors[key]:.1e}" for key, s in times.items())
        print(f"{name:22}", "   ".join(cells), flush=True)


if __name__ == "__main__":
    main()

"""Times finding the op behind a difference, beside coremltools' own MLModelComparator running on mlparity's engine.

Two networks, EfficientNetV2-S and a small one, each with a planted loss of digits in the middle, `(x + 4000) - 4000`,
so that the right answer is known: that addition. Both tools get the same pair, one input, and one thread unless
`--threads` says otherwise. The comparator is stopped after `--limit` seconds; the ratio is then a lower bound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "build/bench"
OFFSET = 4000.0
LEAST_PSNR_DB = 40.0
"""What counts as equal for coremltools. Source: the example in `MLModelComparator`'s own documentation."""


def prepare(name: str) -> None:
    """Convert a planted network in both precisions, once."""
    if package(name, "fp16").exists():
        return
    import numpy as np

    from mlparity.core.words import Precision
    from mlparity.targets.coreml import convert as coreml
    from tests.loading import load_source

    network, sample = NETWORKS[name]()
    FOLDER.mkdir(parents=True, exist_ok=True)
    np.save(FOLDER / f"{name}_planted.npy", sample["x"])
    source = load_source(network, sample)
    for precision in Precision:
        done = coreml.convert(source, sample, coreml.CoremlOptions(precision=precision))
        coreml.save(done, package(name, precision))


def package(name: str, precision: str) -> Path:
    """Return where a planted network's package is."""
    return FOLDER / f"{name}_planted_{precision}.mlpackage"


def efficientnet() -> tuple[Any, Any]:
    """Return EfficientNetV2-S, planted after its fourth stage, and a photo."""
    from torch import nn

    from tests.models import samples, zoo

    network = zoo.efficientnetv2_s()
    blocks = network.get_submodule("blocks")
    assert isinstance(blocks, nn.Sequential)
    blocks[3] = losing_digits(blocks[3])
    return network, next(iter(samples.turned_photos_300()))


def small() -> tuple[Any, Any]:
    """Return three convolutions, planted after the second, and noise."""
    from tests.faults import networks
    from tests.faults.fault import uniform

    network = networks.seeded(networks.Convolutions)()
    network.block = losing_digits(network.block)
    return network, uniform(1, 3, 12, 12)[0]


NETWORKS: dict[str, Callable[[], tuple[Any, Any]]] = {"small": small, "efficientnetv2_s": efficientnet}


def losing_digits(block: Any) -> Any:
    """Return a module that adds a large number to what `block` gives, and takes it away again."""
    from torch import Tensor, nn

    class Losing(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            return (self.inner(x) + OFFSET) - OFFSET

    return Losing(block).eval()


def ours(name: str) -> tuple[float, float, list[str]]:
    """Return the seconds of one prediction, those of locating with its wide run, and the first ops."""
    import numpy as np
    import torch

    from mlparity.diagnose.locate import locate
    from mlparity.engine.numerics import FP32, TYPED
    from mlparity.engine.reading import read_program
    from mlparity.engine.runtime.bind import bind
    from mlparity.engine.runtime.features import tensors_from_features
    from mlparity.engine.runtime.interpret import run_plan
    from tests.loading import load_model

    path, x = package(name, "fp16"), np.load(FOLDER / f"{name}_planted.npy")
    model = load_model(path, TYPED)
    program = read_program(path)
    numerics, exact, fast = bind(program, TYPED), bind(program, FP32), bind(program, FP32, kernels=True)
    feeds = {"x": x}
    inputs = tensors_from_features(numerics, feeds)
    found = []

    def once() -> None:
        with torch.no_grad():
            expected = {name: each for name, each in run_plan(fast, inputs).items() if isinstance(each, torch.Tensor)}
        found.append(locate(numerics, exact, [(inputs, expected)]))

    predict_s, locate_s = _in_turns_s(lambda: model.predict(feeds), once)
    return predict_s, locate_s, [each.op.outputs[0].name for each in found[-1].suspects[:3]]


def theirs(name: str, limit_s: float) -> tuple[float, list[str] | None]:
    """Return the seconds that MLModelComparator takes, loading left out, and the ops it names; None where stopped.

    It runs in a process of its own, since it does not heed a cancellation.
    """
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.locate", "--compare", name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        started = time.perf_counter()
        try:
            worker.wait(limit_s)
        except subprocess.TimeoutExpired:
            worker.kill()
            return time.perf_counter() - started, None
        return time.perf_counter() - started, json.loads(worker.stdout.read())


def compare(name: str) -> None:
    """Load a pair and say so, then print the names of the ops that MLModelComparator finds, as JSON."""
    import coremltools as ct
    import numpy as np
    from coremltools.models.ml_program.experimental import debugging_utils

    import mlparity

    mlparity.enable_coremltools(chip=None)  # the reference arithmetic, which ours locates in too
    reference, target = (
        ct.models.MLModel(str(package(name, precision)), compute_units=ct.ComputeUnit.CPU_ONLY)
        for precision in ("fp32", "fp16")
    )
    x = np.load(FOLDER / f"{name}_planted.npy")

    def equal(_op: object, first: np.ndarray, second: np.ndarray) -> bool:
        return bool(debugging_utils.compute_snr_and_psnr(first, second)[1] >= LEAST_PSNR_DB)

    comparator = debugging_utils.MLModelComparator(reference, target)
    print("loaded", flush=True)
    failing = asyncio.run(comparator.find_failing_ops({"x": x}, equal))
    print(json.dumps([each.outputs[0].name for each in failing]), flush=True)


def _in_turns_s(*calls: Callable[[], object], rounds: int = 7) -> list[float]:
    """Return the median seconds of each call; they take turns, so that a busy moment of the machine hits all."""
    taken: list[list[float]] = [[] for _ in calls]
    for place in range(rounds + 1):
        for call, times in zip(calls, taken, strict=True):
            started = time.perf_counter()
            call()
            if place:  # the first round warms up
                times.append(time.perf_counter() - started)
    return [statistics.median(times) for times in taken]


def main() -> None:
    """Print both times, their ratios, and what each names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=float, default=120.0, help="seconds after which the comparator is stopped")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--compare", choices=list(NETWORKS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    if options.compare:
        compare(options.compare)
        return
    for name in options.networks:
        prepare(name)
        report(name, options.limit)


def report(name: str, limit_s: float) -> None:
    """Print what both take, and what they name."""
    predict_s, locate_s, named = ours(name)
    print(f"\n{name}")
    print(f"one prediction       {predict_s:9.4f} s")
    print(f"mlparity locate      {locate_s:9.4f} s, {locate_s / predict_s:.1f} predictions; first: {', '.join(named)}")
    seconds, failing = theirs(name, limit_s)
    names = "stopped before it ended" if failing is None else f"names: {', '.join(failing)}"
    least = "at least " if failing is None else ""
    print(f"MLModelComparator    {seconds:9.4f} s, {least}{seconds / locate_s:.0f} times as long; {names}", flush=True)


if __name__ == "__main__":
    main()

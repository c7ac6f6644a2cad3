"""Times finding the op behind a difference, beside coremltools' own MLModelComparator running on mlparity's engine.

The network is EfficientNetV2-S with a planted loss of digits in the middle, `(x + 4000) - 4000`, so that the right
answer is known: that addition. Both get the same pair, one input, and one thread unless `--threads` says otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "build/bench"
OFFSET = 4000.0
LEAST_PSNR_DB = 40.0
"""What counts as equal for coremltools. Source: the example in `MLModelComparator`'s own documentation."""


def prepare() -> None:
    """Convert the planted network in both precisions, once."""
    if (FOLDER / "efficientnetv2_s_planted_fp16.mlpackage").exists():
        return
    import numpy as np

    from mlparity.convert import coreml
    from mlparity.core.words import Precision
    from mlparity.sources.load import load_source
    from tests.models import samples, zoo

    network = zoo.efficientnetv2_s()
    network.blocks[3] = _losing_digits(network.blocks[3])
    sample = next(iter(samples.turned_photos_300()))
    np.save(FOLDER / "efficientnetv2_s_planted.npy", sample["x"])
    source = load_source(network, sample)
    for precision in Precision:
        done = coreml.convert(source, sample, coreml.CoremlOptions(precision=precision))
        coreml.save(done, FOLDER / f"efficientnetv2_s_planted_{precision}.mlpackage")


def _losing_digits(block: object) -> object:
    from torch import Tensor, nn

    class Losing(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: Tensor) -> Tensor:
            return (self.inner(x) + OFFSET) - OFFSET

    return Losing(block).eval()


def ours() -> tuple[float, float, list[str]]:
    """Return the seconds of one prediction, those of locating with its wide run, and the first ops."""
    import numpy as np
    import torch

    from mlparity.diagnose.locate import locate
    from mlparity.engine.mil.reader import read_program
    from mlparity.engine.numerics import FP32, TYPED
    from mlparity.engine.runtime.bind import bind
    from mlparity.engine.runtime.features import tensors_from_features
    from mlparity.engine.runtime.interpret import run_plan
    from mlparity.engine.runtime.model import load_model

    path, x = FOLDER / "efficientnetv2_s_planted_fp16.mlpackage", np.load(FOLDER / "efficientnetv2_s_planted.npy")
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

    predict_s, locate_s = _median_s(lambda: model.predict(feeds)), _median_s(once)
    return predict_s, locate_s, [each.op.outputs[0].name for each in found[-1].suspects[:3]]


def theirs() -> tuple[float, list[str]]:
    """Return the seconds that MLModelComparator takes, loading of the pair left out, and the ops that it names."""
    import coremltools as ct
    import numpy as np
    from coremltools.models.ml_program.experimental import debugging_utils

    import mlparity

    mlparity.enable_coremltools(chip=None)  # the reference arithmetic, which ours locates in too
    reference, target = (
        ct.models.MLModel(
            str(FOLDER / f"efficientnetv2_s_planted_{precision}.mlpackage"), compute_units=ct.ComputeUnit.CPU_ONLY
        )
        for precision in ("fp32", "fp16")
    )
    x = np.load(FOLDER / "efficientnetv2_s_planted.npy")

    def equal(_op: object, first: np.ndarray, second: np.ndarray) -> bool:
        return bool(debugging_utils.compute_snr_and_psnr(first, second)[1] >= LEAST_PSNR_DB)

    comparator = debugging_utils.MLModelComparator(reference, target)
    started = time.perf_counter()
    failing = asyncio.run(comparator.find_failing_ops(inputs={"x": x}, compare_outputs=equal))
    return time.perf_counter() - started, [each.outputs[0].name for each in failing]


def _median_s(call: Callable[[], object], times: int = 5) -> float:
    call()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> None:
    """Print both times, their ratios, and what each names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    os.environ["OMP_NUM_THREADS"] = str(parser.parse_args().threads)
    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    prepare()
    predict_s, locate_s, named = ours()
    print(f"one prediction            {predict_s:8.2f} s")
    print(f"mlparity locate           {locate_s:8.2f} s  {locate_s / predict_s:.1f} predictions; first: {named}")
    seconds, failing = theirs()
    print(f"MLModelComparator         {seconds:8.2f} s  {seconds / locate_s:.0f} times as long; names: {failing}")


if __name__ == "__main__":
    main()

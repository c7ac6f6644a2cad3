"""What exact arithmetic costs: one prediction under a unit profile beside our plain one, in one process, in turns.

Usage: python -m benchmarks.unit_profiles [--rounds 5] [--threads 1] [--members ne-m4 ...] PACKAGE... Without packages
those of `python -m benchmarks.engine` are taken. Times are of the processor, so that a busy machine does not count;
ratios are of medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.peers import FOLDER
from mlparity.engine.mil.program import TensorType
from mlparity.engine.numerics import TYPED, Profile
from mlparity.engine.numerics.unit_profiles import UNIT_PROFILES
from mlparity.engine.runtime.model import Model
from tests.loading import load_model

DEFAULT = tuple(FOLDER / f"{name}_fp16.mlpackage" for name in ("mobilenet_v2", "minilm", "efficientnetv2_s"))


def sample(model: Model) -> dict[str, np.ndarray]:
    """Return a drawn input; open dimensions are 1, integers are below 1000."""
    rng = np.random.default_rng(0)
    fed = {}
    for name, (_, declared) in model.plan.inputs.items():
        assert isinstance(declared.type, TensorType)
        shape = [size or 1 for size in declared.type.shape or ()]
        whole = declared.type.dtype.startswith("int")
        fed[name] = rng.integers(0, 1000, shape).astype(np.int32) if whole else rng.standard_normal(shape, np.float32)
    return fed


def measured(path: Path, profiles: list[Profile], rounds: int) -> dict[str, float]:
    """Return the median seconds of a prediction by profile; the profiles take turns, the first round does not count."""
    models = [load_model(path, profile) for profile in profiles]
    assert isinstance(models[0], Model)
    fed, taken = sample(models[0]), [list[float]() for _ in models]
    for _ in range(rounds + 1):
        for model, times in zip(models, taken, strict=True):
            start = time.process_time()
            model.predict(fed)
            times.append(time.process_time() - start)
    return {profile.name: statistics.median(times[1:]) for profile, times in zip(profiles, taken, strict=True)}


def main() -> None:
    """Print a table for each package."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--members", nargs="*", default=[unit_profile.name for unit_profile in UNIT_PROFILES])
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    profiles = [
        TYPED,
        *(unit_profile.profile for unit_profile in UNIT_PROFILES if unit_profile.name in chosen.members),
    ]
    for path in chosen.packages or DEFAULT:
        times = measured(path, profiles, chosen.rounds)
        print(f"\n{path.stem}, {chosen.threads} threads")
        for name, seconds in times.items():
            print(f"  {name:22} {seconds * 1e3:8.1f} ms  {seconds / times[TYPED.name]:5.1f}x")


if __name__ == "__main__":
    main()

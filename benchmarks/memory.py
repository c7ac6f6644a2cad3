"""Peak memory and time of `verify` on few and on many samples of one small network.

Run from the repository's root::

    python -m benchmarks.memory            # 100 and 10,000 samples
    python -m benchmarks.memory 100 1000

Each count runs in a process of its own, three times in turn. What is printed is the median of the processes' peak
resident memory, as the system counts it (conversion included), the growth while samples are compared, and the time.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mlparity import api
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions

COUNTS = (100, 10_000)
ROUNDS = 3
# As soon as every session has run once, caches are filled.
WARM = 50


class Net(nn.Module):
    """A convolution and a line: fast enough for many samples."""

    def __init__(self) -> None:
        """Draw its weights."""
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 15 * 15, 10))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return ten scores."""
        scores: torch.Tensor = self.layers(image)
        return scores


class Samples:
    """Random pictures, drawn anew in each iteration."""

    description, warning = "random pictures", ""

    def __init__(self, count: int) -> None:
        """Draw `count` of them."""
        self._count = count

    def __len__(self) -> int:
        """Their number."""
        return self._count

    def __iter__(self) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """Yield each by its number."""
        for number in range(self._count):
            yield str(number), {"image": np.random.default_rng(number).random((1, 3, 32, 32), dtype=np.float32)}


def measure(count: int) -> dict[str, float]:
    """Verify on `count` samples in this process; return MiB and seconds."""
    torch.manual_seed(0)
    start, resident = time.perf_counter(), {"warm": 0.0, "end": 0.0}

    def watch(stage: str, done: int, _: int) -> None:
        if stage == "compare" and done in (WARM, count):
            resident["end" if done == count else "warm"] = _status("VmRSS")

    options = VerifyOptions(settings_from(["fp32/CPU_ONLY", "fp16/CPU_ONLY", "litert/fp32"]))
    with tempfile.TemporaryDirectory() as folder:
        record = api.verify(Net().eval(), Path(folder) / "out", Samples(count), "task", options, watch)
    assert record.samples.count == count
    return {
        "peak_mib": _status("VmHWM"),
        "growth_mib": resident["end"] - resident["warm"],
        "seconds": time.perf_counter() - start,
    }


def _status(name: str) -> float:
    """Return a figure of this process's memory. Source: proc(5), /proc/pid/status, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def main(counts: tuple[int, ...]) -> None:
    """Run each count in processes of its own, and print a line for each."""
    found: dict[int, list[dict[str, float]]] = {count: [] for count in counts}
    for _ in range(ROUNDS):
        for count in counts:
            command = [sys.executable, "-m", "benchmarks.memory", "--one", str(count)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found[count].append(json.loads(done.stdout.splitlines()[-1]))
    for count, rounds in found.items():
        median = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
        print(
            f"{count:6,} samples: peak {median['peak_mib']:.0f} MiB,"
            f" growth while comparing {median['growth_mib']:.1f} MiB, {median['seconds']:.0f} s"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main(tuple(int(each) for each in sys.argv[1:]) or COUNTS)

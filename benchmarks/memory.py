"""Peak memory and time of `verify` on few and on many samples of one small network.

Run from the repository's root::

    python -m benchmarks.memory            # 100 and 10,000 samples
    python -m benchmarks.memory 100 1000
    python -m benchmarks.memory 100 50000 --ray local:2 --rounds 1

Each count runs in a process of its own, three times in turn. What is printed is the median of the processes' peak
resident memory, as the system counts it (conversion included), the growth while samples are compared, and the time;
with workers also the largest peak of one of them. A first run that is not counted fills the cache of conversions.
"""

from __future__ import annotations

import argparse
import json
import os
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


def measure(count: int, ray: str | None) -> dict[str, float]:
    """Verify on `count` samples in this process, or on workers; return MiB and seconds."""
    torch.manual_seed(0)
    start, resident, workers = time.perf_counter(), {"warm": 0.0, "end": 0.0}, 0.0

    def watch(stage: str, done: int, _: int) -> None:
        nonlocal workers
        if stage.startswith("compare") and done >= WARM:
            resident["end"] = _status("VmRSS")
            resident["warm"] = resident["warm"] or resident["end"]
            workers = max([workers, *(_status("VmHWM", worker) for worker in _workers())]) if ray else 0.0

    options = VerifyOptions(settings_from(["fp32/CPU_ONLY", "fp16/CPU_ONLY", "litert/fp32"]), ray=ray)
    with tempfile.TemporaryDirectory() as folder:
        record = api.verify(Net().eval(), Path(folder) / "out", Samples(count), "task", options, watch)
    assert record.samples.count == count
    return {
        "peak_mib": _status("VmHWM"),
        "worker_mib": workers,
        "growth_mib": resident["end"] - resident["warm"],
        "seconds": time.perf_counter() - start,
    }


def _status(name: str, process: int | str = "self") -> float:
    """Return a figure of a process's memory. Source: proc(5), /proc/pid/status, in KiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def _workers() -> list[int]:
    """Return the workers that the Ray of this process has started."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            is_worker, above = b"ray::Worker" in line.read_bytes(), _parent(int(line.parent.name))
            if is_worker and os.getpid() in (above, _parent(above)):
                found.append(int(line.parent.name))
        except OSError:  # it has ended
            continue
    return found


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def main(counts: tuple[int, ...], rounds: int, ray: str | None) -> None:
    """Run each count in processes of its own, and print a line for each."""
    found: dict[int, list[dict[str, float]]] = {count: [] for count in counts}
    options = [] if ray is None else ["--ray", ray]
    for number in range(rounds + 1):
        for count in counts if number else (WARM,):
            command = [sys.executable, "-m", "benchmarks.memory", "--one", str(count), *options]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            if number:
                found[count].append(json.loads(done.stdout.splitlines()[-1]))
    for count, measured in found.items():
        median = {name: statistics.median(each[name] for each in measured) for name in measured[0]}
        workers = f" of a worker {median['worker_mib']:.0f} MiB," if ray else ""
        print(
            f"{count:6,} samples: peak {median['peak_mib']:.0f} MiB,{workers}"
            f" growth while comparing {median['growth_mib']:.1f} MiB, {median['seconds']:.0f} s"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("counts", type=int, nargs="*", default=COUNTS)
    parser.add_argument("--one", type=int)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--ray")
    chosen = parser.parse_args()
    if chosen.one is not None:
        print(json.dumps(measure(chosen.one, chosen.ray)))
    else:
        main(tuple(chosen.counts), chosen.rounds, chosen.ray)

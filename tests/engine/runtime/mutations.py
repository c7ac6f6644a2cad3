"""Many mutated packages, each to a result or a typed error.

Usage: python -m tests.engine.runtime.mutations [COUNT], 10,000 unless said otherwise, half of each of two packages.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.engine.mil.packages import sample, write_flow_package, write_package


def run(package: Path, folder: Path, count: int) -> tuple[int, int]:
    """Return how many of `count` mutations of `package` ran, and how many were refused with a typed error.

    Raises:
        RuntimeError: one ended otherwise: another exception, a signal, 10 s, or 2 GiB; the text says which.
    """
    features = folder / "features.npz"
    np.savez(features, x=sample())
    (folder / "mutated").mkdir()
    worker = Path(__file__).with_name("mutation_worker.py")
    command = [sys.executable, str(worker), str(package), str(folder / "mutated"), str(count), str(features)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-3000:] or f"the worker ended with {done.returncode}")
    ran, refused = map(int, done.stdout.split())
    return ran, refused


def main() -> None:
    """Print the counts and the time for each package."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for write in (write_package, write_flow_package):
        with tempfile.TemporaryDirectory() as folder:
            package, started = write(Path(folder)), time.perf_counter()
            ran, refused = run(package, Path(folder), count // 2)
            seconds = time.perf_counter() - started
            sys.stdout.write(f"{package.name}: {ran} ran, {refused} refused with a typed error, {seconds:.0f} s\n")


if __name__ == "__main__":
    main()

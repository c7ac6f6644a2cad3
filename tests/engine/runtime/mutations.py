"""Many mutated packages, each to a result or a typed error.

Usage: python -m tests.engine.runtime.mutations [COUNT], 20,000 unless said otherwise, of three packages alike.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.engine.mil.packages import WRITERS, sample


@dataclass(frozen=True, slots=True)
class Ends:
    """How many ran, how many were refused with a typed error, a digest of the packages, and the slowest one.

    `equal` of those that ran gave the same bits with optimised steps and with plain ones; the rest differed by less
    than `agreement` allows.
    """

    ran: int
    refused: int
    digest: str
    slowest: int
    slowest_s: float
    equal: int


def run(package: Path, folder: Path, count: int) -> Ends:
    """Return how `count` mutations of `package` ended.

    Raises:
        RuntimeError: one ended otherwise: another exception, a signal, 10 s a way, 2 GiB, a file outside the package,
            or optimised steps that disagree with plain ones; the text says which and where.
    """
    features = folder / "features.npz"
    np.savez(features, x=sample())
    (folder / "mutated").mkdir()
    worker = Path(__file__).with_name("mutation_worker.py")
    command = [sys.executable, str(worker), str(package), str(folder / "mutated"), str(count), str(features)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-3000:] or f"the worker ended with {done.returncode}")
    ran, refused, digest, slowest, seconds, equal = done.stdout.split()
    return Ends(int(ran), int(refused), digest, int(slowest), float(seconds), int(equal))


def environment() -> dict[str, str]:
    """Return this process's environment, in which the worker finds the tests too."""
    root = str(Path(__file__).parents[3])
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), root])}


def main() -> None:
    """Print the counts and the time for each package."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for write in WRITERS:
        with tempfile.TemporaryDirectory() as folder:
            package, started = write(Path(folder)), time.perf_counter()
            ends = run(package, Path(folder), count // len(WRITERS))
            seconds = time.perf_counter() - started
            sys.stdout.write(
                f"{package.name}: {ends.ran} ran, {ends.equal} of them to the same bits, "
                f"{ends.refused} refused with a typed error, {seconds:.0f} s; "
                f"the slowest, {ends.slowest}, took {ends.slowest_s} s of processor; digest {ends.digest[:12]}\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()

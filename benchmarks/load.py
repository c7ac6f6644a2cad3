"""Load and bind of a package with 500 MB of weights: seconds and peak memory, beside coremltools' own reading of it.

Usage: python -m benchmarks.load [--megabytes 500] [--rounds 3] [--threads 2]. The package is a row of square matrices,
as large language models have them. Each round is a process of its own, which imports first: imports are timed apart.
Peaks are the process's own, less what it held after the imports; `anonymous` leaves out the pages of the mapped file,
which the system takes back when it needs them. coremltools copies the package and parses its spec, and reads no weight.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.peers import FOLDER

WIDTH, ROWS = 2048, 64
TYPES = {"fp32": np.float32, "fp16": np.float16}


def package_of(dtype: str, megabytes: int) -> Path:
    """Return the package, written once."""
    path = FOLDER / f"matrices_{dtype}_{megabytes}.mlpackage"
    if path.exists():
        return path
    import coremltools
    from coremltools.converters.mil import Builder, mil

    draw = np.random.default_rng(0)
    count = round(megabytes * 1e6 / (WIDTH * WIDTH * np.dtype(TYPES[dtype]).itemsize))
    mil_type = {"fp32": mil.types.fp32, "fp16": mil.types.fp16}[dtype]

    @Builder.program(
        input_specs=[Builder.TensorSpec((1, ROWS, WIDTH), mil_type)], opset_version=coremltools.target.iOS16
    )
    def matrices(x: object) -> object:
        for _ in range(count):
            weight = draw.standard_normal((WIDTH, WIDTH), np.float32) / np.sqrt(WIDTH)
            x = Builder.linear(x=x, weight=weight.astype(TYPES[dtype]))
        return x

    model = coremltools.convert(
        matrices,
        minimum_deployment_target=coremltools.target.iOS16,
        compute_precision=coremltools.precision.FLOAT32,
        skip_model_load=True,
    )
    FOLDER.mkdir(parents=True, exist_ok=True)
    model.save(str(path))
    return path


def _engine() -> Callable[[Path], object]:

    from mlparity.engine.mil.spec import proto
    from tests.loading import load_model

    proto("Model")
    return load_model


def _coremltools() -> Callable[[Path], object]:
    import coremltools

    return lambda path: coremltools.models.MLModel(str(path), skip_model_load=True)


LOADERS = {"mlparity": _engine, "coremltools": _coremltools}


def work(loader: str, path: Path) -> None:
    """Import, load once, and print a JSON line."""
    started = time.perf_counter()
    load = LOADERS[loader]()
    imported = time.perf_counter()
    before = _memory()
    with _Peak() as peak:
        model = load(path)
    loaded = time.perf_counter()
    found = {name: peak.bytes[name] - before[name] for name in before}
    print(json.dumps({"import_s": imported - started, "load_s": loaded - imported, **found}), flush=True)
    del model


def _memory() -> dict[str, int]:
    """Return what the process holds now, in bytes: all of it, and without the pages of mapped files."""
    rows = dict(
        line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Rss")
    )
    kilobytes = {name: int(value.split()[0]) for name, value in rows.items()}
    return {"resident": sum(kilobytes.values()) * 1024, "anonymous": kilobytes["RssAnon"] * 1024}


class _Peak:
    """The greatest memory inside the block, looked at a thousand times a second."""

    def __enter__(self) -> _Peak:
        self.bytes, self._done = _memory(), threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._done.wait(1e-3):
            now = _memory()
            self.bytes = {name: max(value, now[name]) for name, value in self.bytes.items()}

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def main() -> None:
    """Load each package with each loader in turns, and print the least times and the greatest peaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work[0], Path(options.work[1]))
        return
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    print(f"{'weights':<10}{'loader':<14}{'import s':>9}{'load s':>8}{'peak/weights':>14}{'anonymous':>11}")
    for dtype in TYPES:
        path = package_of(dtype, options.megabytes)
        weights = sum(each.stat().st_size for each in path.rglob("weight.bin"))
        rounds: dict[str, list[dict[str, float]]] = {loader: [] for loader in LOADERS}
        for loader in list(LOADERS) * options.rounds:
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.load", "--work", loader, str(path)]
            told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
            rounds[loader].append(json.loads(told.splitlines()[-1]))
        for loader, found in rounds.items():
            least = {name: min(each[name] for each in found) for name in ("import_s", "load_s")}
            peak, anonymous = (max(each[name] for each in found) / weights for name in ("resident", "anonymous"))
            print(
                f"{dtype:<10}{loader:<14}{least['import_s']:>9.1f}{least['load_s']:>8.2f}{peak:>14.2f}{anonymous:>11.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

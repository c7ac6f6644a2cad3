"""Mutations guided by coverage, with atheris: bytes to a package, read, bound and run.

Usage, where atheris is installed beside mlparity: python -m tests.engine.runtime.fuzz CORPUS [-max_total_time=900 ...]
with libFuzzer's options. The corpus starts with three small packages. An input is the length of the spec in four bytes,
the spec, and the weights. Each runs with optimised steps and with plain
ones. An uncaught exception, results that disagree, more than 2 GiB or a file outside the package end the run.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import atheris
import torch  # before the instrumentation: only the engine is of interest

with atheris.instrument_imports(include=["mlparity.engine.mil", "mlparity.engine.runtime", "mlparity.engine.ops"]):
    from tests.engine.mil.packages import WRITERS, sample
    from tests.engine.runtime import mutation_worker as worker

FEATURES = {"x": sample()}


def joined(package: Path) -> bytes:
    spec, weights = ((package / part).read_bytes() for part in (worker.SPEC, worker.WEIGHTS))
    return len(spec).to_bytes(4, "little") + spec + weights


def split(data: bytes) -> tuple[bytes, bytes]:
    ends = 4 + int.from_bytes(data[:4], "little")
    return data[4:ends], data[ends:]


class Target:
    """One package folder, which each input fills anew."""

    def __init__(self, package: Path, folder: Path) -> None:
        self.path = folder / "fuzzed.mlpackage"
        shutil.copytree(package, self.path)
        self.fence = worker.Fence(self.path)

    def fill(self, data: bytes) -> None:
        for part, content in zip((worker.SPEC, worker.WEIGHTS), split(data), strict=True):
            (self.path / part).write_bytes(content)

    def run(self, data: bytes) -> None:
        self.fill(data)
        self.fence.is_closed = True
        try:
            worker.both(self.path, FEATURES)
        finally:
            self.fence.is_closed = False

    def mutate(self, data: bytes, most: int, seed: int) -> bytes:
        """Change fields of the spec where it can be parsed, and bytes in every other case."""
        source = random.Random(seed)
        self.fill(data)
        try:
            if source.random() < 0.5:
                worker.mutate_spec(self.path, source)
                return joined(self.path)[:most]
        except Exception:  # protobuf raises DecodeError, whose home differs
            pass
        return bytes(atheris.Mutate(data, most))


def main() -> None:
    corpus, folder = Path(sys.argv[1]), Path(tempfile.mkdtemp())
    corpus.mkdir(exist_ok=True)
    packages = [write(folder) for write in WRITERS]
    for package in packages:
        worker.make_reproducible(package)
        results, _ = worker.both(package, FEATURES)
        assert results
        (corpus / package.stem).write_bytes(joined(package))
    target = Target(packages[0], folder)
    torch.set_num_threads(1)
    worker.limit_memory()
    atheris.Setup([sys.argv[0], str(corpus), *sys.argv[2:]], target.run, custom_mutator=target.mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()

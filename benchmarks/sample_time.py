"""What a sample of MobileNetV2 costs `verify`, as a table, beside the sum of what cannot be avoided.

Run from the repository's root, with the photos of the demo (`make models`)::

    python -m benchmarks.sample_time                 # 103 crops, one thread
    python -m benchmarks.sample_time 503 --threads 2

Not to be avoided are the source in fp32, LiteRT, and each artifact once in each distinct arithmetic. Beside them stand
the source in fp64, which runs on 64 of many samples, the ranges that values take, and everything else: reading
samples, checking, comparing and counting. It is processor time of one run, without its first samples.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.spread import crops
from mlparity import api
from mlparity.sessions.checked import run_checked
from mlparity.sessions.torch import TorchSession
from mlparity.verification import runs
from mlparity.verification.options import VerifyOptions
from mlparity.verification.runs import Run, SourceNoise, Watch

WARM, MANY = 3, 1000
SOURCE, WIDE, RANGES, REST = "the source in fp32", "the source in fp64", "ranges of values", "everything else"


class Clock:
    """Processor seconds by what they were spent on, from the sample with the number `WARM` on."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.spent, self.at = defaultdict[str, float](float), ""
        self.samples, self.began, self.whole = 0, 0.0, 0.0
        self.names: dict[int, str] = {}

    def tell(self, stage: str, done: int, total: int) -> None:
        """Take the progress of a verification: begin after the first samples, and end with the last."""
        if stage != "compare" or self.whole:
            return
        if done == WARM and not self.began:
            self.spent.clear()
            self.began, self.samples = time.process_time(), total - WARM
        if done == total:
            self.whole = time.process_time() - self.began

    def timed(self, call: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        """Return `call`, its time noted under what `name` makes of its first argument; nothing is noted for ""."""

        def timing(first: Any, *others: Any) -> Any:
            kind, started = name(first), time.process_time()
            try:
                return call(first, *others)
            finally:
                if kind and not self.whole:
                    self.spent[kind] += time.process_time() - started

        return timing

    def within(self, look: Callable[[Run, Any], Any]) -> Callable[[Run, Any], Any]:
        """Return `look`, in which running the model is noted under the run's name."""

        def looking(run: Run, step: Any) -> Any:
            self.at = self.names.setdefault(id(run), self._named(run))
            try:
                return look(run, step)
            finally:
                self.at = ""

        return looking

    def _named(self, run: Run) -> str:
        """Return the settings that share a run, with a number where other runs are of the same ones."""
        name = ", ".join(map(str, run.settings)) or f"{run.artifact.precision} in ideal arithmetic"
        number = sum(known.partition(":")[0] == name for known in self.names.values())
        return f"{name}: {number + 1}" if number else name


@contextmanager
def watched(clock: Clock) -> Iterator[None]:
    """Note in the block what running each model takes."""
    with ExitStack() as stack:
        narrow = clock.timed(TorchSession.run, lambda session: SOURCE if "fp32" in session.runtime else "")
        for home, name, timed in (
            (Run, "look", clock.within(Run.look)),
            (runs, "run_checked", clock.timed(run_checked, lambda _: clock.at)),
            (Watch, "look", clock.timed(Watch.look, lambda _: RANGES)),
            (SourceNoise, "look", clock.timed(SourceNoise.look, lambda _: WIDE)),
            (TorchSession, "run", narrow),
        ):
            stack.enter_context(patch.object(home, name, timed))
        yield


def report(clock: Clock, wide: int) -> float:
    """Print the table; return the time of a sample as a multiple of the sum, where `wide` of `MANY` run in fp64."""
    each = {name: spent * 1000 / clock.samples for name, spent in clock.spent.items()}
    each[REST] = clock.whole * 1000 / clock.samples - sum(each.values())
    needed = sum(spent for name, spent in each.items() if name not in (WIDE, RANGES, REST))
    print("| what | ms a sample |\n| --- | --- |")
    for name, spent in each.items():
        print(f"| {name} | {spent:.1f} |")
    total = sum(each.values())
    of_many = total - each.get(WIDE, 0.0) * (1 - wide * clock.samples / (MANY * min(clock.samples, wide)))
    print(f"| all | {total:.1f} |\n\nwhat cannot be avoided: {needed:.1f} ms a sample; all takes {total / needed:.2f}")
    print(f"times that, of {MANY:,} samples {of_many / needed:.2f} times (at most 1.3)")
    return of_many / needed


def main() -> int:
    """Verify, and return 1 where a sample takes more than 1.3 times what cannot be avoided."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("crops", type=int, nargs="?", default=103)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    clock, options = Clock(), VerifyOptions(preprocess="imagenet", resume=False)
    with tempfile.TemporaryDirectory() as folder, watched(clock):
        source, out = "examples/mobilenet_v2.py:mobilenet_v2", Path(folder) / "out"
        api.verify(source, out, str(crops(chosen.crops)), "task", options, clock.tell)
    return int(report(clock, options.noise_samples) > 1.3)


if __name__ == "__main__":
    raise SystemExit(main())

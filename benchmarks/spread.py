"""MobileNetV2 on crops of the photos by one process and by workers: equal to the last bit, and how much faster.

Usage: python -m benchmarks.spread bits [--crops 300] [--kills 20] [--every 10], and python -m benchmarks.spread times
[--crops 1000]. `bits` verifies in one process, with `--ray local:2`, in runs that are killed at random moments and go
on, and in a run of which a worker is killed every few seconds; the exit code is 1 where a figure differs. `times`
compares two workers with one, and with one process of two threads. Both print the commands' wall times; artifacts are
converted once, before.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from PIL import Image

FOLDER = Path("build/bench/spread")
PHOTOS = Path("build/photos")
SIDE = 256
SETTINGS = ("fp16/*", "fp32/CPU_ONLY")
MARK = "MLPARITY_SPREAD"
"""The variable by which a run's own workers are known from those of others."""

DIFFERENT = frozenset({"created", "seconds", "seconds_per_sample", "sha256"})
"""What no two runs have alike: times, and digests of packages, which have random names inside."""


def crops(count: int) -> Path:
    """Return a folder of `count` crops of the photos, at random places that are the same each time."""
    folder = FOLDER / f"crops_{count}"
    if folder.exists() and sum(1 for _ in folder.iterdir()) == count:
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    photos = [Image.open(path).convert("RGB") for path in sorted(PHOTOS.iterdir()) if path.suffix in (".jpg", ".png")]
    draw = random.Random(0)
    for number in range(count):
        photo = photos[number % len(photos)]
        side = draw.randint(min(SIDE, *photo.size), min(photo.size))
        left, top = (draw.randint(0, size - side) for size in photo.size)
        photo.crop((left, top, left + side, top + side)).resize((SIDE, SIDE)).save(folder / f"{number:05}.png")
    return folder


class Verifying:
    """One `mlparity verify`, begun in a process group of its own."""

    def __init__(self, inputs: Path, out: Path, ray: str | None = None, threads: int = 1) -> None:
        """Begin it."""
        self.began, self.out = time.monotonic(), out
        options = [text for setting in SETTINGS for text in ("--setting", setting)]
        workers = [] if ray is None else ["--ray", ray]
        self.log = out.with_name(f"{out.name}.log")
        with self.log.open("w") as log:
            self.process = self._begun(inputs, threads, options + workers, log)

    def _begun(self, inputs: Path, threads: int, options: list[str], log: TextIO) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "mlparity", "verify", "examples/mobilenet_v2.py:mobilenet_v2"),
                *("--inputs", str(inputs), "--preprocess", "imagenet", "--policy", "task", "--out", str(self.out)),
                *options,
            ],
            env={**os.environ, "OMP_NUM_THREADS": str(threads), MARK: str(self.out)},
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )

    def wait(self) -> float:
        """Return the seconds until its end."""
        code = self.process.wait()
        assert code in (0, 1), f"{self.out} ended with {code}: {self.log.read_text()[-600:]}"
        return time.monotonic() - self.began

    def kill(self) -> None:
        """Kill it and whatever it began, at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def figures(out: Path) -> Any:
    """Return a record without what no two runs have alike."""
    return _without(json.loads((out / "record.json").read_text()))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(each) for name, each in value.items() if name not in DIFFERENT}
    return [_without(each) for each in value] if isinstance(value, list) else value


def killed_and_resumed(inputs: Path, out: Path, kills: int, seconds: float) -> float:
    """Verify in one process that is killed at so many random moments, each within `seconds` of its beginning."""
    draw, began = random.Random(), time.monotonic()
    for _ in range(kills):
        run = Verifying(inputs, out)
        time.sleep(draw.uniform(0.2, 1.0) * seconds)
        run.kill()
    Verifying(inputs, out).wait()
    return time.monotonic() - began


def losing_workers(inputs: Path, out: Path, every: float) -> tuple[float, int]:
    """Verify with two workers, one of which is killed every so many seconds; return the time, and how many were."""
    run, done, killed = Verifying(inputs, out, "local:2"), threading.Event(), []

    def kill_some() -> None:
        while not done.wait(every):
            workers = [
                int(line.parent.name)
                for line in Path("/proc").glob("[0-9]*/cmdline")
                if b"ray::Worker" in _read(line) and f"{MARK}={out}".encode() in _read(line.with_name("environ"))
            ]
            if workers:
                killed.append(random.choice(workers))
                os.kill(killed[-1], signal.SIGKILL)

    killer = threading.Thread(target=kill_some)
    killer.start()
    try:
        return run.wait(), len(killed)
    finally:
        done.set()
        killer.join()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def bits(count: int, kills: int, every: float) -> int:
    """Print the time of each way; return 1 where figures differ."""
    inputs, outs = crops(count), {name: FOLDER / name for name in ("one", "two", "resumed", "losing")}
    for out in outs.values():
        for left in (out, out.with_name(f"{out.name}.resume")):
            shutil.rmtree(left, ignore_errors=True)
    alone = Verifying(inputs, outs["one"]).wait()
    print(f"one process: {alone:.0f} s", flush=True)
    print(f"--ray local:2: {Verifying(inputs, outs['two'], 'local:2').wait():.0f} s", flush=True)
    seconds, killed = losing_workers(inputs, outs["losing"], every)
    print(f"a worker killed every {every:.0f} s, {killed} in all: {seconds:.0f} s", flush=True)
    print(f"killed {kills} times: {killed_and_resumed(inputs, outs['resumed'], kills, alone / 3):.0f} s", flush=True)
    expected = figures(outs["one"])
    different = [name for name, out in outs.items() if figures(out) != expected]
    print(f"figures differ: {', '.join(different)}" if different else "all figures are equal to the last bit")
    return 1 if different else 0


def times(count: int) -> int:
    """Print two workers' time as a share of one worker's, and of one process's with two threads."""
    inputs = crops(count)
    Verifying(crops(3), FOLDER / "warm").wait()  # converts
    ways = {"two workers": ("local:2", 1), "one worker": ("local:1", 1), "one process, two threads": (None, 2)}
    found = {}
    for name, (ray, threads) in ways.items():
        out = FOLDER / name.replace(" ", "_").replace(",", "")
        shutil.rmtree(out, ignore_errors=True)
        found[name] = Verifying(inputs, out, ray, threads).wait()
        print(f"{name}: {found[name]:.0f} s", flush=True)
    two = found["two workers"]
    print(f"of one worker: {two / found['one worker']:.2f} (at most 0.6)")
    print(f"of one process with two threads: {two / found['one process, two threads']:.2f} (at most 1.05)")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("bits", "times"))
    parser.add_argument("--crops", type=int)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--every", type=float, default=10.0)
    chosen = parser.parse_args(arguments)
    if chosen.what == "bits":
        return bits(chosen.crops or 300, chosen.kills, chosen.every)
    return times(chosen.crops or 1000)


if __name__ == "__main__":
    sys.exit(main())

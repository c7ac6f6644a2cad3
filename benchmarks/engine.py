"""Our engine beside PyTorch, LiteRT, ONNX Runtime and OpenVINO: latency, load time and peak memory, in one run.

Usage: python -m benchmarks.engine [--rounds 8] [--threads 2] [--networks NAME ...]. Each peer runs in a process of its
own; the processes take short turns, so that a machine whose speed drifts slows all of them alike. Times are minima over
all turns: what else the machine does can only add. Medians of the turns' minima stand beside them. `differs` is the
relative L2 distance of the first output from PyTorch's: a peer that computed something else would be no peer.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

TURN_S = 0.3
LEAST_CALLS = 3


@dataclass(slots=True)
class Timing:
    """What one peer did on one network; `turns_s` holds each turn's fastest call."""

    load_s: float
    turns_s: list[float] = field(default_factory=list)
    peak_bytes: int = 0
    output: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def best_s(self) -> float:
        """The fastest call of all turns."""
        return min(self.turns_s)


def work(peer: str, network: str, output: str) -> None:
    """Load one peer, save its first output, then time a turn whenever a line arrives; print JSON lines."""
    from benchmarks.peers import PEERS

    started = time.perf_counter()
    call = PEERS[peer](network)
    first = call()[0]
    print(json.dumps({"load_s": time.perf_counter() - started}), flush=True)
    np.save(output, first)
    for _ in sys.stdin:
        times, ends = list[float](), time.perf_counter() + TURN_S
        while len(times) < LEAST_CALLS or time.perf_counter() < ends:
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
        print(json.dumps({"best_s": min(times), "peak_bytes": peak_bytes()}), flush=True)


def peak_bytes() -> int:
    """Return the process's own peak; `ru_maxrss` would count that of the process it was started from."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def race(network: str, rounds: int, threads: int) -> Mapping[str, Timing]:
    """Run all peers in turns."""
    from benchmarks.peers import FOLDER, PEERS

    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.engine", "--work"]
    outputs = {peer: FOLDER / f"output_{place}.npy" for place, peer in enumerate(PEERS)}
    timings, workers = {}, {}
    for peer in PEERS:  # one at a time: what they import would otherwise slow each other's loading
        workers[peer] = subprocess.Popen(
            [*command, peer, network, str(outputs[peer])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        timings[peer] = Timing(**_answer(workers[peer], peer))
    for turn in range(rounds + 1):  # the first turn warms up and is not counted
        for peer, worker in workers.items():
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
            answer = _answer(worker, peer)
            timings[peer].peak_bytes = answer["peak_bytes"]
            timings[peer].turns_s += [answer["best_s"]] if turn else []
    for peer, worker in workers.items():
        worker.communicate()
        timings[peer].output = np.load(outputs[peer])
    return timings


def _answer(worker: subprocess.Popen[str], peer: str) -> dict[str, Any]:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        assert isinstance(worker.args, list)
        command = " ".join(map(str, worker.args))
        raise SystemExit(f"{peer} ended; run its worker by hand to see why: {command}")
    return json.loads(line)


@dataclass(frozen=True, slots=True)
class Ratios:
    """Our times over others', of one network."""

    eager: float
    fastest_peer: float
    fp16_of_fp32: float
    network_of_fp32: float


def ratios_of(timings: Mapping[str, Timing]) -> Ratios:
    """Return ours in fp32 over PyTorch eager and over the fastest peer, eager included, and our others over fp32."""
    from benchmarks.peers import EAGER, OUR_NETWORK, OURS, OURS_TYPED

    ours = timings[OURS].best_s
    peers = [each.best_s for peer, each in timings.items() if peer not in (OURS, OURS_TYPED, OUR_NETWORK)]
    typed, network = (timings[peer].best_s / ours for peer in (OURS_TYPED, OUR_NETWORK))
    return Ratios(ours / timings[EAGER].best_s, ours / min(peers), typed, network)


def print_table(network: str, kind: str, timings: Mapping[str, Timing]) -> None:
    """Print one network's table."""
    from benchmarks.peers import EAGER

    eager = timings[EAGER]
    print(f"\n{network} ({kind})")
    print(f"{'peer':<18}{'ms':>9}{'median':>9}{'of eager':>10}{'differs':>10}{'load s':>8}{'peak MiB':>10}")
    for peer, each in timings.items():
        distance = np.linalg.norm(each.output - eager.output) / np.linalg.norm(eager.output)
        print(
            f"{peer:<18}{each.best_s * 1e3:>9.2f}{statistics.median(each.turns_s) * 1e3:>9.2f}"
            f"{each.best_s / eager.best_s:>10.2f}{distance:>10.1e}{each.load_s:>8.1f}{each.peak_bytes / 2**20:>10.0f}",
            flush=True,
        )


def print_summary(found: Mapping[str, Ratios]) -> None:
    """Print the ratios of each network and their geometric means."""
    rows = {
        name: (each.eager, each.fastest_peer, each.fp16_of_fp32, each.network_of_fp32) for name, each in found.items()
    }
    means = [math.exp(statistics.fmean(map(math.log, column))) for column in zip(*rows.values(), strict=True)]
    print(f"\n{'mlparity fp32':<20}{'of eager':>10}{'of fastest':>12}{'fp16/fp32':>11}{'network/fp32':>14}")
    for name, row in [*rows.items(), ("geometric mean", means)]:
        print(f"{name:<20}{row[0]:>10.2f}{row[1]:>12.2f}{row[2]:>11.2f}{row[3]:>14.2f}")


def main() -> None:
    """Parse the options, race each network and sum up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--networks", nargs="+", metavar="NAME")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.work:
        work(*options.work)
        return
    os.environ.setdefault("OMP_NUM_THREADS", str(options.threads))
    from benchmarks.networks import NETWORKS
    from benchmarks.peers import prepare

    found = {}
    print(f"{options.threads} threads, {options.rounds} turns")
    for name in options.networks or NETWORKS:
        prepare(name)
        timings = race(name, options.rounds, options.threads)
        print_table(name, NETWORKS[name].kind, timings)
        found[name] = ratios_of(timings)
    print_summary(found)


if __name__ == "__main__":
    main()

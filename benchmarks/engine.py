"""Our engine beside PyTorch, LiteRT and ONNX Runtime: latency, load time and peak memory, in one run.

Usage: python -m benchmarks.engine [--rounds 5] [--threads 2]. Each peer runs in a process of its own; the processes
take turns, so that a machine whose speed drifts slows all of them alike. Ratios are of medians.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

MODELS = ("mobilenet_v2", "efficientnetv2_s")
FOLDER = Path("build/bench")
CALLS = 20


def load_eager(model: str) -> Callable[[], object]:
    """PyTorch as it runs by default."""
    import torch

    from tests.models import zoo

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    module, tensor = getattr(zoo, model)(), torch.from_numpy(_feature(model))

    def call() -> object:
        with torch.inference_mode():
            return module(tensor)

    return call


def load_engine(model: str, precision: str) -> Callable[[], object]:
    """Our engine on the converted package."""
    from mlparity.engine.runtime.model import load_model

    loaded = load_model(FOLDER / f"{model}_{precision}.mlpackage")
    name = next(iter(loaded.plan.inputs))
    return lambda: loaded.predict({name: _feature(model)})


def load_litert(model: str) -> Callable[[], object]:
    """LiteRT with XNNPACK."""
    from mlparity.backends import litert

    session = litert.open(FOLDER / f"{model}.tflite", num_threads=int(os.environ["OMP_NUM_THREADS"]))
    return _session_call(session, model)


def load_onnxruntime(model: str) -> Callable[[], object]:
    """ONNX Runtime on the CPU."""
    from mlparity.backends import onnxruntime

    session = onnxruntime.open(FOLDER / f"{model}.onnx", num_threads=int(os.environ["OMP_NUM_THREADS"]))
    return _session_call(session, model)


def _session_call(session: object, model: str) -> Callable[[], object]:
    name = session.signature.inputs[0].name
    return lambda: session.run({name: _feature(model)})


PEERS: dict[str, Callable[[str], Callable[[], object]]] = {
    "PyTorch eager": load_eager,
    "mlparity fp32": lambda model: load_engine(model, "fp32"),
    "mlparity fp16": lambda model: load_engine(model, "fp16"),
    "LiteRT": load_litert,
    "ONNX Runtime": load_onnxruntime,
}


def _feature(model: str) -> np.ndarray:
    return np.load(FOLDER / f"{model}.npy")


def prepare(model: str) -> None:
    """Convert once; later runs use the same files."""
    if (FOLDER / f"{model}.onnx").exists():
        return
    from mlparity.convert import coreml, litert, onnx
    from mlparity.core.words import Precision
    from mlparity.sources.load import load_source
    from tests.models import samples, zoo

    FOLDER.mkdir(parents=True, exist_ok=True)
    row = next(each for each in zoo.MODELS if each.factory == model)
    sample = next(iter(getattr(samples, row.samples)()))
    np.save(FOLDER / f"{model}.npy", next(iter(sample.values())))
    source = load_source(row.source, sample)
    for precision in Precision:
        done = coreml.convert(source, sample, coreml.CoremlOptions(precision=precision))
        coreml.save(done, FOLDER / f"{model}_{precision}.mlpackage")
    litert.convert(source, sample, FOLDER / f"{model}.tflite")
    onnx.convert(source, sample, FOLDER / f"{model}.onnx")


def work(peer: str, model: str) -> None:
    """Load one peer, then time calls whenever a line arrives; print JSON lines."""
    before_bytes, started = _peak_bytes(), time.perf_counter()
    call = PEERS[peer](model)
    call()
    loaded_s = time.perf_counter() - started
    print(json.dumps({"load_s": loaded_s}), flush=True)
    for _ in sys.stdin:
        times = []
        for _ in range(CALLS):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
        print(json.dumps({"times_s": times, "peak_bytes": _peak_bytes(), "start_bytes": before_bytes}), flush=True)


def _peak_bytes() -> int:
    """Return the process's own peak; `ru_maxrss` would count that of the process it was started from."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def race(model: str, rounds: int, threads: int) -> None:
    """Run all peers in turns and print their table."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.engine", "--work"]
    workers = {
        peer: subprocess.Popen(
            [*command, peer, model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        for peer in PEERS
    }
    load_s = {peer: json.loads(worker.stdout.readline())["load_s"] for peer, worker in workers.items()}
    times_s: dict[str, list[float]] = {peer: [] for peer in workers}
    peak_bytes: dict[str, int] = {}
    for _ in range(rounds + 1):  # the first round warms up and is not counted
        for peer, worker in workers.items():
            worker.stdin.write("go\n")
            worker.stdin.flush()
            answer = json.loads(worker.stdout.readline())
            times_s[peer].append(statistics.median(answer["times_s"]))
            peak_bytes[peer] = answer["peak_bytes"]
    for worker in workers.values():
        worker.communicate()
    _print_table(model, threads, {peer: each[1:] for peer, each in times_s.items()}, load_s, peak_bytes)


def _print_table(
    model: str, threads: int, times_s: dict[str, list[float]], load_s: dict[str, float], peak_bytes: dict[str, int]
) -> None:
    eager_s = statistics.median(times_s["PyTorch eager"])
    print(f"\n{model}, {threads} threads")
    print(f"{'peer':<16}{'median ms':>11}{'min':>8}{'max':>8}{'of eager':>10}{'load s':>8}{'peak MiB':>10}")
    for peer, rounds in times_s.items():
        median_s = statistics.median(rounds)
        print(
            f"{peer:<16}{median_s * 1e3:>11.1f}{min(rounds) * 1e3:>8.1f}{max(rounds) * 1e3:>8.1f}"
            f"{median_s / eager_s:>10.2f}{load_s[peer]:>8.1f}{peak_bytes[peer] / 2**20:>10.0f}"
        )
    ratio = statistics.median(times_s["mlparity fp16"]) / statistics.median(times_s["mlparity fp32"])
    print(f"mlparity fp16 takes {ratio:.2f} of mlparity fp32")


def main() -> None:
    """Parse the options and race each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.work:
        work(*options.work)
        return
    for model in options.models:
        prepare(model)
        race(model, options.rounds, options.threads)


if __name__ == "__main__":
    main()

"""Memory of `verify`, phase by phase, for a Llama with random weights: a table, and how often it holds the weights.

Run from the repository's root::

    python -m benchmarks.large                       # 270 million parameters, fp16 and fp32 on the CPU, two samples
    python -m benchmarks.large 25m fp16/ALL fp32/ALL # another size and other settings; see SIZES

The peak of each phase is the largest resident memory that was seen in it, every hundredth of a second: what the process
holds itself, and what is mapped from files. The bound is 4 times the weights in fp32 and 1.5 GB, outside conversion.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mlparity import api
from mlparity.targets.table import settings_from
from mlparity.verification.options import VerifyOptions

SIZES = {"25m": (512, 4, 8192), "90m": (768, 6, 32000), "270m": (1024, 12, 50000), "1b": (2048, 14, 32000)}
"""The width, the number of layers and of words of each size."""

SETTINGS = ("fp32/CPU_ONLY", "fp16/CPU_ONLY")
SAMPLES, TOKENS = 2, 16
TIMES, BASE_MIB = 4, 1.5e9 / 2**20
CONVERTING = "convert"


@dataclass
class Watch:
    """Watches this process's memory while it runs; `peaks` has RSS and the part of it from files, in MiB, by phase."""

    phase: str = "build"
    peaks: dict[str, tuple[float, float]] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def tell(self, stage: str, done: int, total: int) -> None:
        """Take the progress of a verification."""
        phase = stage.partition(",")[0]  # what follows is how long it may take
        now = CONVERTING if phase == CONVERTING and done < total else phase if phase != CONVERTING else "open"
        if now != self.phase:  # told at once, for a run that the system ends
            print(f"{self.phase}: {self.peaks.get(self.phase, (0.0,))[0]:.0f} MiB", file=sys.stderr, flush=True)
        self.phase = now

    def watch(self) -> None:
        """Look until it has ended."""
        while not self.ended.wait(0.01):
            found = (_status("VmRSS"), _status("RssFile"))
            known = self.peaks.get(self.phase, (0.0, 0.0))
            self.peaks[self.phase] = max(known, found)


def _status(name: str) -> float:
    """Return a figure of this process's memory in MiB. Source: proc(5), /proc/pid/status, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def llama(size: str) -> Any:
    """Return a model of that size with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    width, layers, words = SIZES[size]
    torch.manual_seed(0)
    heads: dict[str, Any] = {"num_attention_heads": width // 64, "num_key_value_heads": width // 128}
    ways: dict[str, Any] = {"max_position_embeddings": 256, "tie_word_embeddings": False, "use_cache": False}
    sizes: dict[str, Any] = {
        "vocab_size": words,
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
    }
    return LlamaForCausalLM(LlamaConfig(**sizes, **heads, **ways)).eval()


def main(size: str, settings: tuple[str, ...]) -> int:
    """Verify, print the table, and return 1 where a phase takes more than it may."""
    watch = Watch()
    thread = threading.Thread(target=watch.watch, daemon=True)
    thread.start()
    model, words = llama(size), SIZES[size][2]
    weights = sum(parameter.numel() for parameter in model.parameters()) * 4 / 2**20
    random = np.random.default_rng(0)
    samples = [{"input_ids": random.integers(0, words, (1, TOKENS)).astype(np.int32)} for _ in range(SAMPLES)]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        options = VerifyOptions(settings_from(settings), cache=False)
        record = api.verify(model, Path(folder) / "out", samples, "task", options, watch.tell)
    watch.ended.set()
    thread.join()
    bound = TIMES * weights + BASE_MIB
    print(f"{size}: weights {weights:.0f} MiB in fp32, bound {bound:.0f} MiB, verdict {record.verdict},")
    print(f"{', '.join(settings)}, {time.perf_counter() - started:.0f} s\n")
    print("| phase | peak, MiB | of it from files | times the weights |\n| --- | --- | --- | --- |")
    for phase, (peak, mapped) in watch.peaks.items():
        print(f"| {phase} | {peak:.0f} | {mapped:.0f} | {peak / weights:.1f} |")
    return int(max(peak for phase, (peak, _) in watch.peaks.items() if phase != CONVERTING) > bound)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "270m", tuple(sys.argv[2:]) or SETTINGS))

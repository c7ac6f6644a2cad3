"""The smallest file that `mlparity tune --compress` finds for two trained models, beside the smallest uniform one.

Usage: python -m benchmarks.smallest [mobilenet_v2|minilm ...] [--levels 0.8 0.9 0.95]. Half of the samples are
searched, the other half decides with them. The rows are those of docs/how-to/compress-weights.md; the folders in
build/bench/smallest keep every figure, and the time is of the processor.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.spread import crops
from tests.models import samples

FOLDER = Path("build/bench/smallest")
PHOTOS = 40

_RUN = ("--setting", "fp16/CPU_ONLY", "--out")

_WHO = ("The old painter", "My neighbour's dog", "A committee of engineers", "The night train to Warsaw")
_WHAT = (
    "waits for the rain to end.",
    "costs more than it did last year.",
    "was seen near the river this morning.",
    "cannot agree on a date for the meeting.",
    "sleeps through the loudest storms.",
    "found a letter under the floor.",
    "makes excellent soup out of almost nothing.",
    "will never cross the Atlantic again.",
)


def sentences() -> Iterator[dict[str, np.ndarray]]:
    """Yield 32 tokenised sentences, padded to 64 words; MiniLM's samples."""
    yield from samples.sentences(tuple(f"{who} {what}" for who, what in product(_WHO, _WHAT)))


@dataclass(frozen=True, slots=True)
class Model:
    """A source, its inputs as `mlparity tune` takes them, and the policy of a level."""

    source: str
    policy: str
    options: tuple[str, ...] = ()

    def inputs(self) -> str:
        """Return what `--inputs` is given."""
        return str(crops(PHOTOS)) if self.options else "benchmarks.smallest:sentences"


MODELS = {
    "mobilenet_v2": Model(
        "examples/mobilenet_v2.py:mobilenet_v2",
        '[outputs.logits]\ntask = "classes"\nlimits.top5_agreement.at_least = {level}\n',
        ("--preprocess", "imagenet"),
    ),
    "minilm": Model(
        "tests.models.zoo:minilm",
        '[outputs.embedding]\ntask = "retrieval"\nlimits.rank_correlation.at_least = {level}\n',
    ),
}


def row(name: str, level: float) -> str:
    """Run one search, and return its row of the table."""
    model, out = MODELS[name], FOLDER / f"{name}_{level}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    policy = FOLDER / f"{name}_{level}.toml"
    policy.write_text(model.policy.format(level=level))
    given = ("--inputs", model.inputs(), *model.options, "--policy", str(policy), "--limit", str(PHOTOS))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "mlparity", "tune", model.source, "--compress", *given, *_RUN, str(out)]
    done = subprocess.run(command, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = _found(out) if done.returncode == 0 else f"nothing (exit code {done.returncode}) | |"
    return f"| {name} | {level} | {found} | {seconds:.0f} s |"


def _found(out: Path) -> str:
    told = json.loads((out / "compression.json").read_text())
    passing = [each for each in told["uniform"] if each["searched"] == each["verified"] == "pass"]
    alike, best = min(passing, key=lambda each: int(each["size_bytes"])), told["best"]
    smaller = 1 - best["size_bytes"] / alike["size_bytes"]
    return f"`{alike['name']}`, {_mib(alike)} | {_mib(best)} | {smaller:.1%}"


def _mib(sized: Mapping[str, int]) -> str:
    return f"{sized['size_bytes'] / 2**20:.2f} MiB"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--levels", nargs="+", type=float, default=[0.8, 0.9, 0.95])
    asked = parser.parse_args(arguments)
    rows = [row(name, level) for name in asked.models or MODELS for level in asked.levels]
    print("| model | at least | alike | found | smaller | processor |\n| --- | --- | --- | --- | --- | --- |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()

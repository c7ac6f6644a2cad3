"""Whether two checkouts give the same record: every figure, cause, named op and verdict, on trained models.

Run from the repository's root, with the models of the tests (`make models`)::

    python -m benchmarks.same_figures ../before                  # all models
    python -m benchmarks.same_figures ../before pitch minilm     # some, by their factory in tests/models/zoo.py

The other checkout's `src` verifies the same sources on the same samples, one command after the other on this machine
and in this environment. Times, sizes, digests and sentences may differ; `RENAMED` says which keys and values were
called something else before. Exit code 0 where all is equal, 1 where something is not, 2 where a command fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.models.zoo import MODELS, Model

ROOT = Path(__file__).resolve().parents[1]
CHOSEN = ("mobilenet_v2", "minilm", "pitch", "voice_activity", "efficientnetv2_s")
ENOUGH = 4
"""Samples of each model."""

SETTINGS = (
    *(f"{precision}/{unit}" for precision in ("fp32", "fp16") for unit in ("CPU_ONLY", "CPU_AND_GPU", "ALL")),
    *("fp16/CPU_AND_NE", "litert/fp32"),
)
"""What both are asked for: which rows a verification has by default differs between them."""

LEFT_OUT = frozenset(
    {
        *("created", "environment", "mlparity_version", "schema_version", "seconds", "seconds_per_sample", "speed"),
        *("sha256", "size_bytes", "location", "image", "evidence", "options", "attempts", "latency", "frontend"),
        *("sentence", "paragraph", "note", "notes", "reasons", "remedy", "meaning", "description", "warning"),
        "runtime",
    }
)
"""Keys whose values are times, digests, or text for people."""

ADDED = frozenset(
    {
        *("is_witness", "compression", "explanation_failure", "causes", "fix", "changes", "by_step", "tokens"),
        "metrics",
    }
)
"""Keys that a former record has not, and the list of metrics, which grows: a figure is none of them."""

RENAMED: dict[str, str] = {
    "standing": "provenance",
    "members": "profiles",
    "course": "drift",
    "place": "step",
    "explained": "not applicable",
}
"""Keys and values of a former record, and what they are called now."""

Leaf = str | float | bool | None
Json = Leaf | list["Json"] | dict[str, "Json"]


def leaves(value: Json, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield the leaves of a record that two checkouts share, each with its path, under today's names."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in LEFT_OUT | ADDED:
                yield from leaves(each, f"{path}/{RENAMED.get(key, key)}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, f"{path}/{index}")
    else:
        yield path, RENAMED.get(value, value) if isinstance(value, str) else value


def differences(before: Json, after: Json) -> list[str]:
    """Return a line for each leaf that differs, or that one record alone has."""
    old, new = dict(leaves(before)), dict(leaves(after))
    paths = [*old, *(path for path in new if path not in old)]
    missing = "(nothing)"
    return [
        f"{path}: {old.get(path, missing)} -> {new.get(path, missing)}"
        for path in paths
        if path not in old or path not in new or (old[path] != new[path])
    ]


def record_of(checkout: Path, model: Model, out: Path) -> Json:
    """Verify a model with the code of a checkout and return its record.

    Raises:
        SystemExit: the command failed, with code 2.
    """
    carried = [part for pair in model.carry.items() for part in ("--carry", "=".join(pair))]
    command = [sys.executable, "-W", "ignore", "-m", "mlparity", "verify", model.source, "--inputs", model.inputs]
    command += ["--limit", str(ENOUGH), "--out", str(out), *carried]
    command += [part for setting in SETTINGS for part in ("--setting", setting)]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    if not (out / "record.json").exists():
        print(done.stderr, file=sys.stderr)
        raise SystemExit(2)
    found: Json = json.loads((out / "record.json").read_text(encoding="utf-8"))
    return found


def main(arguments: Sequence[str]) -> int:
    """Compare this checkout with another, model by model."""
    other, *names = arguments
    models = [model for model in MODELS if model.factory in (names or CHOSEN)]
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            before, after = (
                record_of(checkout, model, Path(folder) / model.factory / side)
                for side, checkout in (("before", Path(other).resolve()), ("after", ROOT))
            )
            lines = differences(before, after)
            found += len(lines)
            print(f"{model.name}: {len(dict(leaves(after)))} values, {len(lines)} differ", flush=True)
            print("".join(f"  {line}\n" for line in lines[:40]), end="", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Architectures of transformers through our converter, each verified, or through coremltools alone.

Usage: python -m benchmarks.architectures [--alone] [NAME ...]. With `--alone` coremltools converts by itself, from a
trace and from `torch.export(...).run_decompositions({})`; nothing of ours is registered, and nothing is verified.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from mlparity.core.errors import MlparityError
from mlparity.core.source import Source
from mlparity.targets.coreml.quiet_coremltools import quiet
from tests.loading import load_source
from tests.targets.architectures import ARCHITECTURES, Architecture, build, sample_of
from tests.targets.parity import parity_of


def ours(architecture: Architecture) -> tuple[str, str]:
    """Return what became of a conversion by us, and the details."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            parity = parity_of(build(architecture), sample_of(architecture), Path(folder))
        except MlparityError as error:
            if architecture.refused:
                return "refused", architecture.refused
            return "fails", str(error).replace("\n", " ")[:300]
    told = f"{parity.conversion.frontend}: {parity.excess:.2g} of what fp32 allows, at {parity.worst}"
    return ("agrees" if parity.excess <= 1 else "differs"), told


def alone(architecture: Architecture) -> tuple[str, str]:
    """Return by which of its readers coremltools converts by itself."""
    sample = sample_of(architecture)
    source = load_source(build(architecture), sample)
    failures = {name: _failure(read, source, sample) for name, read in {"trace": _traced, "export": _exported}.items()}
    done = [name for name, failure in failures.items() if not failure]
    return "+".join(done) if done else "fails", "; ".join(f"{name}: {why}" for name, why in failures.items() if why)


Examples = tuple[torch.Tensor, ...]


def _traced(module: torch.nn.Module, examples: Examples) -> object:
    return torch.jit.trace(module, examples, strict=False, check_trace=False)


def _exported(module: torch.nn.Module, examples: Examples) -> object:
    return torch.export.export(module, examples, strict=False).run_decompositions({})


def _failure(read: Callable[..., object], source: Source, sample: Mapping[str, np.ndarray]) -> str:
    with quiet() as coremltools, torch.no_grad():
        examples = tuple(torch.tensor(sample[name]) for name in source.input_names)
        types = [
            coremltools.TensorType(
                name=name, shape=sample[name].shape, dtype=np.int32 if sample[name].dtype.kind in "biu" else np.float32
            )
            for name in source.input_names
        ]
        try:
            coremltools.convert(
                read(source.module, examples),
                source="pytorch",
                inputs=types,
                minimum_deployment_target=coremltools.target.iOS16,
                skip_model_load=True,
            )
        except Exception as error:  # any type: the reason is what the table shows
            return f"{type(error).__name__}: {error}".replace("\n", " ")[:120]
    return ""


def main() -> int:
    """Print a line for each architecture, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alone", action="store_true", help="let coremltools convert by itself")
    parser.add_argument("names", nargs="*", metavar="NAME", help="architectures; all where none is named")
    chosen = parser.parse_args()
    convert = alone if chosen.alone else ours
    counts: Counter[str] = Counter()
    for name in chosen.names or ARCHITECTURES:
        outcome, told = convert(ARCHITECTURES[name])
        counts[outcome] += 1
        print(f"{name:24} {outcome:12} {told}", flush=True)
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))
    return 1 if counts["differs"] or (counts["fails"] and not chosen.alone) else 0


if __name__ == "__main__":
    sys.exit(main())

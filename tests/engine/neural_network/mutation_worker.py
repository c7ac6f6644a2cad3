"""Reads and runs mutations of one `.mlmodel` file, one after the other; see `test_mutations`.

Usage: python mutation_worker.py MODEL FOLDER COUNT FEATURES.npz; prints how many ran and how many were refused.
"""

from __future__ import annotations

import faulthandler
import random
import signal
import sys
import warnings
from pathlib import Path

import numpy as np

import mlparity.engine.numerics.kernels.rounding  # noqa: F401  # numba opens files of the system as it is imported
from mlparity.engine.mil.spec import proto
from tests.engine.runtime.mutation_worker import (
    BYTE_MUTATIONS,
    Fence,
    both,
    limit_memory,
    mutate_field,
    ring,
    timed,
    with_specials,
)


def mutated(data: bytes, source: random.Random) -> bytes:
    """Return the file with some fields of the specification changed, or some bytes."""
    if source.random() < 0.3:
        return bytes(source.choice(BYTE_MUTATIONS)(bytearray(data), source))
    message = proto("Model").Model()
    message.ParseFromString(data)
    for _ in range(source.randint(1, 3)):
        mutate_field(message, source)
    return bytes(message.SerializeToString(deterministic=True))


def main() -> None:
    """Run all mutations; the first that ends neither in a result nor in a typed error ends the process."""
    model, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    features, data = dict(np.load(sys.argv[4])), model.read_bytes()
    assert both(model, features)[0] is not None
    path = folder / "mutated.mlmodel"
    limit_memory()
    signal.signal(signal.SIGPROF, ring)
    faulthandler.enable()
    fence, ends = Fence(folder), []
    for number in range(count):
        source = random.Random(number)
        path.write_bytes(mutated(data, source))
        try:
            ends.append(timed(path, with_specials(features, source), fence))
        except BaseException:
            sys.stderr.write(f"mutation {number} of {model.name}\n")
            raise
    ran = sum(each.ran for each in ends)
    sys.stdout.write(f"{ran} {count - ran}\n")


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()

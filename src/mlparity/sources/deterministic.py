"""Checks that a source gives the same outputs twice: without that, no difference means anything."""

from __future__ import annotations

import numpy as np

from mlparity.core.errors import SourceError
from mlparity.core.session import Outputs, Sample, Session


def check_deterministic(session: Session, sample: Sample) -> Outputs:
    """Run the same sample twice, compare the outputs bit by bit, and return them.

    Raises:
        SourceError: an output differs; the text names it and the largest difference.
    """
    first, second = session.run(sample), session.run(sample)
    for name, one in first.items():
        other = second[name]
        if one.shape != other.shape:
            raise _differs(name, f"shape {one.shape}, then {other.shape}", session.runtime)
        if one.tobytes() != other.tobytes():
            raise _differs(name, _size(one, other), session.runtime)
    return first


def _size(one: np.ndarray, other: np.ndarray) -> str:
    gaps = np.abs(one.astype(np.float64) - other.astype(np.float64))
    finite = gaps[np.isfinite(gaps)]
    largest = float(finite.max()) if finite.size else float("nan")
    return f"a largest difference of {largest:.3g} in {int(np.count_nonzero(gaps != 0))} of {gaps.size} elements"


def _differs(name: str, found: str, runtime: str) -> SourceError:
    return SourceError(
        "the source gives other outputs when the same sample is run again",
        where=f"output {name}, {runtime}",
        found=found,
        expected="the same bits in both runs",
        next_step="call .eval(), switch dropout and sampling off, fix seeds, and keep a state in registered buffers",
    )

"""The few placements that a setting with the Neural Engine may get, because the real one shows only on a device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlparity.engine.mil.program import Function
from mlparity.engine.placement.eligibility import Eligibility, eligibility

LONG_SEGMENT = 8
"""How many ops in a row make a segment that is worth the way to the engine (assumed).

Measured is only that small models and single ops stay on the CPU (751K@a51e0dbd:notes/defects.md C1).
"""


@dataclass(frozen=True, slots=True)
class Placement:
    """One way to divide a function: the first outputs of the ops on the engine; the rest runs elsewhere."""

    name: str
    on_engine: frozenset[str]


def placements_of(function: Function, chip: str) -> tuple[Placement, ...]:
    """Return the different ones of: all eligible ops on the engine, those in long segments only, none."""
    found = eligibility(function, chip)
    segments = tuple(_segments(found))
    candidates = (
        Placement("long segments", _names([segment for segment in segments if len(segment) >= LONG_SEGMENT])),
        Placement("all eligible", _names(segments)),
        Placement("none", frozenset()),
    )
    # Of equal ones the last gives the name: nothing placed is "none".
    distinct = {placement.on_engine: placement for placement in candidates}
    return tuple(sorted(distinct.values(), key=lambda placement: len(placement.on_engine), reverse=True))


def _segments(found: Sequence[Eligibility]) -> Iterator[list[Eligibility]]:
    """Yield the runs of eligible ops; an op without floating values interrupts none."""
    segment: list[Eligibility] = []
    for op in found:
        if op.eligible:
            segment.append(op)
        elif not op.neutral and segment:
            yield segment
            segment = []
    if segment:
        yield segment


def _names(segments: Sequence[Sequence[Eligibility]]) -> frozenset[str]:
    return frozenset(op.op.outputs[0].name for segment in segments for op in segment)

"""The few placements that a setting with the Neural Engine may get, because the real one shows only on a device."""

from __future__ import annotations

from dataclasses import dataclass

from mlparity.engine.mil.program import Function
from mlparity.engine.placement.eligibility import Eligibility
from mlparity.engine.placement.ruled import Ruled, grounds_of


@dataclass(frozen=True, slots=True)
class Placement:
    """One way to divide a function: the first outputs of the ops on the engine; the rest runs elsewhere."""

    name: str
    on_engine: frozenset[str]


def placements_of(function: Function, chip: str) -> tuple[Placement, ...]:
    """Return the different ones of: all eligible ops on the engine, those that the rules leave there, none."""
    grounds = grounds_of(function, chip)
    candidates = (
        Placement("as the rules say", _left(grounds.ruled())),
        Placement("all eligible", _eligible(grounds.found)),
        Placement("none", frozenset()),
    )
    # Of equal ones the last gives the name: nothing placed is "none".
    distinct = {placement.on_engine: placement for placement in candidates}
    return tuple(sorted(distinct.values(), key=lambda placement: len(placement.on_engine), reverse=True))


def _eligible(found: tuple[Eligibility, ...]) -> frozenset[str]:
    return frozenset(op.op.outputs[0].name for op in found if op.eligible)


def _left(found: tuple[Ruled, ...]) -> frozenset[str]:
    """Return the ops that the rules leave on the engine; casts, which round alike everywhere, are left out."""
    return frozenset(op.op.outputs[0].name for op in found if op.on_engine and not op.follows)

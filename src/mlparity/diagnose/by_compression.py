"""What the compression of an artifact's weights makes of its difference, and what is left without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.moved_weights import by_step, gradients
from mlparity.diagnose.restored_weights import Restored, restored
from mlparity.diagnose.rungs import AGREES, KEPT, Rungs, cause_of, located_op, origins
from mlparity.record.causes import Cause, CauseKind, LocatedOp, Observation

_MOST, _REST, _ADDS = 0.5, 0.25, 0.05
"""Which part of a difference has to go away with the compression; from which part on what is left has a cause of its
own, and what a compression adds to another cause is told (assumed)."""

Explain = Callable[[Rungs], tuple[Cause, ...]]


def of_compression(rungs: Rungs, explain: Explain) -> tuple[Cause, ...]:
    """Return why an artifact with compressed weights differs; none where these are not the source's or make nothing.

    The compression is the cause where the difference goes away with the source's own weights in the artifact. What is
    left then is explained as that of any artifact.
    """
    made = restored(rungs)
    if made is None:
        return explain(replace(rungs, restored=frozenset())) if rungs.weights else ()
    stored, plain = (each.run(each.numerics, each.inputs) for each in (rungs, made.rungs))
    whole, rest = distance(stored, rungs.expected), distance(plain, rungs.expected)
    least = max(AGREES, rungs.floor)
    if whole <= least:
        return ()
    gone = removed(whole, rest)
    if gone >= _MOST:
        cause = _carrying(rungs, made, {"difference": whole, "removed": gone})
        others = explain(made.rungs) if rest > max(least, _REST * whole) and not rungs.is_rest else ()
        return (cause, *(other for other in others if other.kind not in _NOT_BESIDE))
    apart = distance(stored, plain)
    adds = apart > max(least, _ADDS * whole) and rest < whole
    figures, names = {"difference": whole, "rest": rest}, {"layers": _count(made)}
    added = (cause_of(CauseKind.COMPRESSION, Observation.COMPRESSION_ADDS, figures, names=names),) if adds else ()
    return (*(each for each in explain(made.rungs) if each.kind is not CauseKind.NONE), *added)


_NOT_BESIDE = frozenset({CauseKind.NONE, CauseKind.UNKNOWN, CauseKind.COMPRESSION})


def _count(made: Restored) -> str:
    return f"{len(made.names)} of {made.of}"


def _carrying(rungs: Rungs, made: Restored, figures: Mapping[str, float]) -> Cause:
    """Return the cause with the layers that carry most of it, each confirmed by restoring it alone."""
    ops = _ops(rungs, made, figures["difference"])
    names = {"layers": _count(made), "where": f"{ops[0].type} {ops[0].name!r}" if ops else "no op alone"}
    return cause_of(CauseKind.COMPRESSION, Observation.WEIGHTS_RESTORED, figures, ops, names)


def _ops(rungs: Rungs, made: Restored, whole: float) -> tuple[LocatedOp, ...]:
    parts = carried(rungs, made)
    readers = by_step(rungs.exact, parts)
    leading = sorted(readers, key=lambda index: -readers[index])[:KEPT]
    known, steps = origins(made.rungs, leading), rungs.exact.steps
    slots = {index: next(s for s in made.names if s in _slots(rungs, index)) for index in leading}
    return tuple(
        located_op(
            steps[index].op,
            readers[index],
            removed(whole, _alone(rungs, made, slots[index])),
            "by its compressed weight",
            known.get(index) or f"its weight {made.names[slots[index]]}",
        )
        for index in leading
    )


def _slots(rungs: Rungs, index: int) -> set[int]:
    return {slot for feed in rungs.exact.steps[index].feeds for slot in feed.slots}


def _alone(rungs: Rungs, made: Restored, slot: int) -> float:
    return distance(rungs.run(made.without(slot, rungs.numerics), rungs.inputs), rungs.expected)


def carried(rungs: Rungs, made: Restored) -> Mapping[int, float]:
    """Return the square of what each compressed weight does to the difference, to first order, by slots."""
    inputs: Tensors = rungs.in_width(rungs.exact)
    found = gradients(rungs.exact, list(made.changes), inputs, rungs.expected)
    return {
        slot: float((gradient.double() * made.changes[slot]).sum(dtype=torch.float64)) ** 2
        for slot, gradient in found.items()
    }


def without_compression(rungs: Rungs) -> Rungs:
    """Return the artifact with the source's weights where its own are compressed ones, as it is where they are not."""
    made = None if rungs.restored is not None else restored(rungs)
    return rungs if made is None else replace(made.rungs, is_rest=rungs.is_rest)

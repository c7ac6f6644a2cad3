"""The causes that a changed source shows: with the change it gives what the artifact gives.

Each candidate is run. Where one alone explains a part only, a second is looked for beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlparity.core.change import Change
from mlparity.core.graph_trace import GraphTrace
from mlparity.core.trace import Origin, SourceTrace
from mlparity.diagnose.changes import Candidate, lost_writes, other_answers, other_orders
from mlparity.diagnose.constants import Held, foldings, held_weights, joined
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.other_weights import exchanged, layer_of, replacements
from mlparity.record.causes import Cause, CauseKind, Evidence, LocatedOp, Observation

_EXPLAINED = 0.97
"""The part of a difference that has to be there with the change too (assumed; fp16 weights leave a few percent)."""

_SURE, _PART = 0.9999, 0.3
_MOST_AT_ONCE = 2
_NAMED = 6


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """An artifact and its source on one sample, outputs by the same names.

    `found` are the artifact's outputs, `expected` the source's. `rerun` runs the source with a change and returns None
    where that fails. `others` traces the source on other samples; `weights` are its own by their names.
    """

    found: Tensors
    expected: Tensors
    trace: SourceTrace
    graph: GraphTrace | None
    rerun: Callable[[Change], Tensors | None]
    others: Callable[[], Sequence[SourceTrace]] = tuple
    weights: Mapping[str, np.ndarray] | None = None

    @property
    def whole(self) -> float:
        """How far the two are apart."""
        return distance(self.found, self.expected)


def causes_by_changes(sides: Sides) -> tuple[Cause, ...]:
    """Return the changes of the source that together give what the artifact gives; none where no known ones do."""
    before = min(sides.whole, 1.0)
    change, chosen, gone = Change(), list[tuple[Candidate, float]](), 0.0
    for _ in range(_MOST_AT_ONCE):
        best = _best(sides, change, before, gone)
        if best is None:
            return ()
        candidate, now = best
        chosen.append((candidate, now - gone))
        change, gone = change.with_others(candidate.change), now
        if gone >= _EXPLAINED:
            return tuple(_cause(each, part, sides) for each, part in chosen)
    return ()


def _best(sides: Sides, change: Change, before: float, gone: float) -> tuple[Candidate, float] | None:
    """Return the candidate that explains most beside a change, with the part that both explain."""
    best: tuple[Candidate, float] | None = None
    for candidate in _candidates(sides):
        outputs = sides.rerun(change.with_others(candidate.change))
        if outputs is None:
            continue
        now = removed(before, distance(sides.found, outputs))
        if now - gone >= _PART and (best is None or now > best[1]):
            best = candidate, now
        if now >= _SURE:
            break
    return best


def _candidates(sides: Sides) -> Iterator[Candidate]:
    if any(op.answer is not None for op in sides.trace.ops):
        yield from other_answers(sides.trace, sides.others())
    yield from lost_writes(sides.trace)
    yield from other_orders(sides.trace, sides.graph)
    yield from _other_weights(sides)


def _other_weights(sides: Sides) -> Iterator[Candidate]:
    held = weights_held(sides)
    if held is None or not sides.weights:
        return
    swapped = exchanged(sides.weights, held)
    for each in (*replacements(sides.weights, held), *([] if swapped is None else [swapped])):
        names = {"layers": _listed(each.layers)}
        yield Candidate(CauseKind.WEIGHTS, Change(weights=each.weights), names=names, constants=each.constants)


def weights_held(sides: Sides) -> Held | None:
    """Return which of the source's weights the artifact holds; None where its constants are not known."""
    if sides.graph is None or not sides.weights:
        return None
    return held_weights(sides.weights, foldings(sides.trace, sides.weights), sides.graph)


def missing_layers(weights: Mapping[str, np.ndarray], held: Held) -> tuple[str, ...]:
    """Return the layers of which an artifact has a weight nowhere, and a constant of its size that is no other's."""
    sizes = {array.size for array in held.unclaimed.values()}
    missing = [layer_of(name) for name in held.missing if weights[name].size in sizes]
    folded = [each.layer for each in held.other_weights if weights[joined(each.layer, "weight")].size in sizes]
    return tuple(dict.fromkeys([*missing, *folded]))


def _listed(layers: Sequence[str]) -> str:
    more = len(layers) - _NAMED
    return ", ".join(layers[:_NAMED]) + (f" and {more} more" if more > 0 else "")


_OBSERVED = {
    CauseKind.BRANCH: Observation.NUMBER_FIXED,
    CauseKind.WRITE: Observation.WRITE_LOST,
    CauseKind.ORDER: Observation.ORDER_OPEN,
    CauseKind.WEIGHTS: Observation.WEIGHTS_OTHER,
}


def _cause(candidate: Candidate, part: float, sides: Sides) -> Cause:
    names = dict(candidate.names)
    if candidate.origin is not None:
        names["where"] = _where(candidate.kind, candidate.origin)
    figures = {"removed": part, "difference": sides.whole, **candidate.figures}
    return Cause(
        candidate.kind, (Evidence(_OBSERVED[candidate.kind], figures, names),), _readers(candidate, sides, part)
    )


def _where(kind: CauseKind, origin: Origin) -> str:
    """Print where an origin is; the op by which Python gets a number tells a reader nothing."""
    if kind is not CauseKind.BRANCH or not origin.line:
        return str(origin)
    return f"{origin.line} (in {origin.module})" if origin.module else origin.line


def _readers(candidate: Candidate, sides: Sides, part: float) -> tuple[LocatedOp, ...]:
    """Return the first ops that read the constants of a candidate."""
    read = frozenset(candidate.constants)
    ops = [op for op in sides.graph.ops if read & set(op.inputs)] if sides.graph is not None and read else []
    return tuple(LocatedOp(op.type, op.name, op.results[0], "", None, part) for op in ops[:_NAMED])

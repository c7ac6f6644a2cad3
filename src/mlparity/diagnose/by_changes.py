"""The causes that a changed source shows: with the change it gives what the artifact gives.

Each candidate is run. Where one alone explains a part only, a second is looked for beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlparity.core.change import Change
from mlparity.core.graph_trace import GraphTrace
from mlparity.core.trace import Origin, SourceTrace
from mlparity.diagnose.changes import Candidate, lost_writes, other_answers, other_orders
from mlparity.diagnose.constants import Held, foldings, held_weights, joined
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.other_weights import Replacement, exchanged, layer_of, replacements
from mlparity.record.causes import Cause, CauseKind, Evidence, LocatedOp, Observation

EXPLAINED = 0.97
"""The part of a difference that has to be there with the change too (assumed; fp16 weights leave a few percent)."""

_SURE, PART = 0.9999, 0.02
_FIRSTS, _NAMED = 3, 6


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


class Tries:
    """The source run with each candidate for a change, each once."""

    def __init__(self, sides: Sides) -> None:
        """Look for the candidates; nothing is run before it is asked for."""
        self.sides = sides
        self.candidates = tuple(_candidates(sides))
        self._made: dict[int, Tensors | None] = {}

    def outputs(self, candidate: Candidate) -> Tensors | None:
        """Return what the source gives with a candidate; None where that fails."""
        key = id(candidate)
        if key not in self._made:
            self._made[key] = self.sides.rerun(candidate.change)
        return self._made[key]


@dataclass(frozen=True, slots=True, eq=False)
class Tried:
    """A candidate, and the part of the difference that is there too with it."""

    candidate: Candidate
    part: float

    def cause(self, sides: Sides) -> Cause:
        """Return it as a cause."""
        return _cause(self.candidate, self.part, sides)


def found_by_changes(tries: Tries) -> tuple[Tried, ...]:
    """Return one candidate that gives what the artifact gives, else two that do together; none where none do."""
    sides = tries.sides
    tried = tried_alone(tries)
    best = max(tried, key=lambda each: each.part, default=None)
    if best is None:
        return ()
    if best.part >= EXPLAINED:
        return (best,)
    for first in sorted(tried, key=lambda each: -each.part)[:_FIRSTS]:
        others = [each.candidate for each in tried if _may_stand_beside(each.candidate, first.candidate)]
        runs = ((each, sides.rerun(first.candidate.change.with_others(each.change))) for each in others)
        second = max(_parts(sides, runs), key=lambda each: each.part, default=None)
        if second is not None and second.part >= EXPLAINED and second.part - first.part >= PART:
            return first, replace(second, part=second.part - first.part)
    return ()


def _may_stand_beside(second: Candidate, first: Candidate) -> bool:
    """Tell whether two may be there at once: of one kind only writes, each at its own line."""
    if second.kind is not first.kind:
        return True
    return second.kind is CauseKind.WRITE and second.origin != first.origin


def tried_alone(tries: Tries) -> list[Tried]:
    """Return what each candidate explains by itself, up to one that explains all."""
    return _parts(tries.sides, ((each, tries.outputs(each)) for each in tries.candidates))


def _parts(sides: Sides, runs: Iterable[tuple[Candidate, Tensors | None]]) -> list[Tried]:
    before, found = min(sides.whole, 1.0), list[Tried]()
    for candidate, outputs in runs:
        if outputs is None:
            continue
        found.append(Tried(candidate, removed(before, distance(sides.found, outputs))))
        if found[-1].part >= _SURE:
            break
    return found


def _candidates(sides: Sides) -> Iterator[Candidate]:
    if any(op.answer is not None for op in sides.trace.ops):
        yield from other_answers(sides.trace, sides.others(), sides.graph)
    yield from lost_writes(sides.trace)
    yield from other_orders(sides.trace, sides.graph)
    yield from _other_weights(sides)


def _other_weights(sides: Sides) -> Iterator[Candidate]:
    for each in weights_of_artifact(sides):
        names = {"layers": listed(each.layers)}
        change = Change(weights=each.weights)
        yield Candidate(CauseKind.WEIGHTS, change, names=names, constants=each.constants, also=_near(each))


def _near(replaced: Replacement) -> tuple[Evidence, ...]:
    """Return that all weights are near the source's own, where they are."""
    if not replaced.apart or max(replaced.apart) > _NEAR:
        return ()
    return (Evidence(Observation.WEIGHTS_NEAR, {"most": max(replaced.apart)}),)


_NEAR = 0.5
"""How far the weights of two moments of one training may lie apart, of their size (assumed: those of two trainings lie
further apart than they are large)."""


def weights_of_artifact(sides: Sides) -> Iterator[Replacement]:
    """Yield the ways in which an artifact's weights may take the places of the source's."""
    held = weights_held(sides)
    if held is None or not sides.weights:
        return
    yield from replacements(sides.weights, held)
    swapped = exchanged(sides.weights, held)
    if swapped is not None:
        yield swapped


def weights_held(sides: Sides) -> Held | None:
    """Return which of the source's weights the artifact holds; None where its constants are not known."""
    if sides.graph is None or not sides.weights:
        return None
    return held_weights(sides.weights, foldings(sides.trace, sides.weights), sides.graph)


def missing_layers(weights: Mapping[str, np.ndarray], held: Held) -> tuple[str, ...]:
    """Return the layers of which an artifact has a weight nowhere, and a constant of its size that is no other's."""
    sizes = {array.size for array in held.unclaimed.values()}
    missing = [layer_of(name) for name in held.missing if sizes & set(_sizes(name, weights[name].size))]
    folded = [each.layer for each in held.other_weights if weights[joined(each.layer, "weight")].size in sizes]
    return tuple(dict.fromkeys([*missing, *folded]))


def _sizes(name: str, size: int) -> Iterator[int]:
    """Yield the sizes that a weight may have in an artifact: of a recurrent layer it may be split into its gates."""
    yield size
    if name.rpartition(".")[2].startswith(("weight_ih", "weight_hh")):
        yield from (size // gates for gates in (3, 4) if size % gates == 0)


def listed(layers: Sequence[str]) -> str:
    """Print the first few layers, and how many more there are."""
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
    told = Evidence(_OBSERVED[candidate.kind], figures, names)
    return Cause(candidate.kind, (told, *candidate.also), _readers(candidate, sides, part))


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

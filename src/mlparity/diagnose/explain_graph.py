"""Why an artifact that another runtime runs differs from its source: by changed sources, then op by op."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce

import numpy as np

from mlparity.core.budget import is_left_out, may_be_left
from mlparity.core.change import Change
from mlparity.core.trace import FirstOps
from mlparity.diagnose.beside import (
    Mend,
    beside,
    input_and_change,
    is_seen,
    likely_changes,
    likely_inputs,
    suspect_cause,
    with_rest,
)
from mlparity.diagnose.beside_weights import beside_weights
from mlparity.diagnose.by_changes import Sides, Tried, Tries, found_by_changes, listed, missing_layers, weights_held
from mlparity.diagnose.distance import Tensors, distance, removed
from mlparity.diagnose.fast_path import fast_path
from mlparity.diagnose.graph_divergence import GraphDivergence, first_divergence, first_ops
from mlparity.diagnose.other_weights import Weights
from mlparity.diagnose.parts import IN_GRAPH, SEARCH
from mlparity.diagnose.preprocessing import VANISHED, ChangedInputs, InputSearch, SuspectInput, search_inputs
from mlparity.diagnose.rungs import AGREES, KEPT
from mlparity.record.causes import Cause, CauseKind, Evidence, LocatedOp, Observation


@dataclass(frozen=True, slots=True, eq=False)
class GraphCase:
    """An artifact and its source on one sample, and what else may be run; `target` is how a sentence names its target.

    `floor` is the distance that the source's own rounding explains. `by_parts` runs the source without its fast path,
    `in_training_mode` as its name says, `by_reference` the artifact with other kernels, `run` the artifact on other
    inputs than `inputs`. `with_weights` gives the same case of a source with other weights, `changed` of one with a
    change, `on_inputs` that of an artifact that gets other inputs. Each gives None where it cannot. `is_rest` tells
    that another cause is taken away already.
    """

    target: str
    sides: Sides
    floor: float
    by_parts: Callable[[], Tensors | None]
    fast_layers: tuple[str, ...]
    in_training_mode: Callable[[], Tensors | None]
    by_reference: Callable[[], Tensors | None]
    with_weights: Callable[[Weights], GraphCase | None] = lambda _: None
    inputs: Tensors = field(default_factory=dict)
    run: Callable[[Tensors], Tensors | None] = lambda _: None
    changed: Callable[[Change], GraphCase | None] = lambda _: None
    on_inputs: Callable[[Tensors], GraphCase | None] = lambda _: None
    is_rest: bool = False


def explain_graph(case: GraphCase) -> tuple[Cause, ...]:
    """Return the causes of an artifact's difference from its source."""
    plain = case.by_parts() if case.fast_layers else None
    fast = (
        None if plain is None else fast_path(case.sides.found, case.sides.expected, plain, case.floor, case.fast_layers)
    )
    if fast is None or plain is None:
        return _explained(case)
    rest = _explained(replace(case, sides=replace(case.sides, expected=plain)))
    return (*(cause for cause in rest if cause.kind is not CauseKind.NONE), fast)


def begins_at(case: GraphCase) -> Hashable | None:
    """Return where both sides first differ; None where no op can be named."""
    ours, theirs = _firsts(case)
    return (ours, theirs.origins) if ours else None


def _firsts(case: GraphCase) -> tuple[frozenset[str], FirstOps]:
    """Return the first ops of both sides that differ."""
    sides = case.sides
    if sides.graph is None:
        return frozenset(), FirstOps(frozenset())
    return first_ops(sides.graph, sides.trace, _arrays(sides.expected), _NEAR)


_NEAR = 2e-5


def _explained(case: GraphCase) -> tuple[Cause, ...]:
    with may_be_left(IN_GRAPH):
        return _looked(case)
    return (_cause(CauseKind.UNKNOWN, Observation.GRAPH_NOT_SEARCHED, case),)


def _looked(case: GraphCase) -> tuple[Cause, ...]:
    sides = case.sides
    if sides.whole <= max(AGREES, case.floor):
        return (_cause(CauseKind.NONE, Observation.AGREES, case),)
    trained = case.in_training_mode()
    if trained is not None and removed(sides.whole, distance(sides.found, trained)) >= VANISHED:
        return (_cause(CauseKind.TRAINING_MODE, Observation.TRAINING_MODE, case),)
    tries = Tries(sides)
    changed = found_by_changes(tries)
    if changed:
        return _with_changed(case, changed)
    search = search_inputs(partial(_run, case), case.inputs, sides.expected) if case.inputs else InputSearch(None)
    if search.suspect is not None:
        return _with_suspect(case, search.suspect)
    two = input_and_change(tries, search.tried) or beside_weights(sides, partial(_rest, case))
    if two:
        return two
    plain = _diverging(case)
    return (plain,) if case.is_rest else beside(plain, sides.whole, _mends(case, tries, search.tried, plain))


def _run(case: GraphCase, inputs: Tensors) -> Tensors:
    if all(inputs[name] is value for name, value in case.inputs.items()):
        return case.sides.found
    outputs = case.run(inputs)
    return {} if outputs is None else outputs


def _left(case: GraphCase) -> tuple[Cause, ...]:
    """Return the causes of what is left once another cause is taken away."""
    return _explained(replace(case, is_rest=True))


def _with_changed(case: GraphCase, changed: Sequence[Tried]) -> tuple[Cause, ...]:
    causes = tuple(each.cause(case.sides) for each in changed)
    change = reduce(Change.with_others, (each.candidate.change for each in changed), Change())
    others = None if case.is_rest or change.weights else case.changed(change)
    return causes if others is None else with_rest(causes, partial(_left, others), others.sides.whole, case.floor)


def _with_suspect(case: GraphCase, suspect: SuspectInput) -> tuple[Cause, ...]:
    causes = (suspect_cause(suspect.name, suspect.removed, case.sides.whole),)
    others = None if suspect.inputs is None or case.is_rest else case.on_inputs(suspect.inputs)
    return causes if others is None else with_rest(causes, partial(_left, others), others.sides.whole, case.floor)


def _mends(case: GraphCase, tries: Tries, changes: Sequence[ChangedInputs], plain: Cause) -> Iterator[Mend]:
    """Yield what may be wrong beside an op: a change of the source, or the input."""
    likely = likely_changes(tries)
    first = _firsts(case)[1] if likely else FirstOps(frozenset())
    for tried in likely:
        others = case.changed(tried.candidate.change)
        if others is not None:
            seen = is_seen(tried, plain, first)
            yield Mend(tried.cause(case.sides), others.sides.whole, partial(_by_ops, others), seen)
    for changed, part in likely_inputs(changes, case.sides.whole, case.sides.expected):
        others = case.on_inputs(changed.inputs)
        if others is not None:
            cause = suspect_cause(changed.name, part, case.sides.whole)
            yield Mend(cause, others.sides.whole, partial(_by_ops, others))


def _by_ops(case: GraphCase) -> tuple[Cause, ...]:
    return (_diverging(case),)


def _rest(case: GraphCase, weights: Weights) -> tuple[Sides, tuple[Cause, ...]] | None:
    others = case.with_weights(weights)
    return None if others is None else (others.sides, _explained(others))


def _diverging(case: GraphCase) -> Cause:
    sides = case.sides
    found = (
        None
        if sides.graph is None
        else first_divergence(sides.graph, sides.trace, _arrays(sides.expected), _rerun(sides))
    )
    kind = CauseKind.RUNTIME if _is_of_runtime(case) else CauseKind.CONVERTER
    if found is None and is_left_out(SEARCH):
        return _cause(CauseKind.UNKNOWN, Observation.GRAPH_NOT_SEARCHED, case)
    if found is None:
        return _cause(kind, Observation.ELSEWHERE_DIFFERS, case)
    ops = _ops(found)
    origin = f", the source's {found.origin}" if found.origin is not None else ""
    names = {"where": f"{ops[0].type} {ops[0].name!r}{origin}"}
    held = weights_held(sides)
    layers = () if held is None else missing_layers(sides.weights or {}, held)
    if found.origin is not None and found.origin.module in layers:
        told = {"layers": listed(layers), **names}
        return _cause(CauseKind.WEIGHTS, Observation.WEIGHTS_MISSING, case, ops, told)
    if kind is CauseKind.RUNTIME:
        return _cause(kind, Observation.RUNTIME_DIVERGES, case, ops, names)
    if (found.removed or 0.0) < _CONFIRMED:
        return _cause(kind, Observation.ELSEWHERE_UNCONFIRMED, case, ops, names)
    return _cause(kind, Observation.ELSEWHERE_DIVERGES, case, ops, names, {"removed": found.removed or 0.0})


_CONFIRMED = 0.5


def _is_of_runtime(case: GraphCase) -> bool:
    """Tell whether other kernels give for the same file what the source gives."""
    outputs = case.by_reference()
    return (
        outputs is not None and removed(min(case.sides.whole, 1.0), distance(outputs, case.sides.expected)) >= VANISHED
    )


def _ops(found: GraphDivergence) -> tuple[LocatedOp, ...]:
    """Return the first op, the last one, whose value stands for the source's, and those between."""
    first, *rest = found.ops
    ordered = [first, *rest[-1:], *rest[:-1]][:KEPT]
    origin = "" if found.origin is None else str(found.origin)
    return tuple(LocatedOp(op.type, op.name, op.results[0], origin, None, found.removed) for op in ordered)


def _rerun(sides: Sides) -> Callable[[Change], Mapping[str, np.ndarray] | None]:
    def run(change: Change) -> Mapping[str, np.ndarray] | None:
        outputs = sides.rerun(change)
        return None if outputs is None else _arrays(outputs)

    return run


def _arrays(tensors: Tensors) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}


def _cause(
    kind: CauseKind,
    observation: Observation,
    case: GraphCase,
    ops: tuple[LocatedOp, ...] = (),
    names: Mapping[str, str] | None = None,
    figures: Mapping[str, float] | None = None,
) -> Cause:
    told = {"target": case.target, **(names or {})}
    return Cause(kind, (Evidence(observation, {"difference": case.sides.whole, **(figures or {})}, told),), ops)
